"""What the user asked of this machine, kept between runs so that a repeated ``up`` never demands old flags again."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

from agent.errors import UsageError

BACKENDS: Final = ("auto", "kernel", "wireguard-go", "dry-run")
DEFAULT_HOSTS_FILE: Final = "/etc/hosts"
_INTERFACE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,14}")
_DEFAULT_ROUTES: Final = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True, slots=True)
class Settings:
    """The choices of one agent. ``None`` leaves the choice to the agent (or to the portal).

    ``port`` is a UDP port; ``routes`` are canonical prefixes, without the default routes that ``exit_node`` offers;
    ``hosts_file`` empty means that no hosts file is touched; ``auth_key_file`` names a file that holds an auth key,
    for the day when the portal asks for a new registration: a key itself is never kept.
    """

    server: str | None = None
    hostname: str | None = None
    tags: tuple[str, ...] = ()
    port: int | None = None
    interface: str | None = None
    backend: str = "auto"
    insecure_http: bool = False
    routes: tuple[str, ...] = ()
    exit_node: bool = False
    accept_routes: bool = False
    hosts_file: str = DEFAULT_HOSTS_FILE
    auth_key_file: str | None = None

    @property
    def advertised(self) -> tuple[str, ...]:
        """The routes as the portal is told them: the default routes stand for an exit node."""
        return self.routes + (_DEFAULT_ROUTES if self.exit_node else ())

    def to_json(self) -> dict[str, Any]:
        """Plain values for the state directory."""
        return asdict(self)


def from_json(stored: Mapping[str, Any]) -> Settings:
    """Settings as an agent of this or an earlier version kept them; members it does not know are left out."""
    known = {field.name for field in fields(Settings)}
    values = {name: value for name, value in stored.items() if name in known}
    for name in ("tags", "routes"):
        if name in values:
            values[name] = tuple(values[name])
    return Settings(**values)


def merge(kept: Settings, given: Mapping[str, Any], *, reset: bool = False) -> Settings:
    """The settings after a command: what was given wins, the rest stays as it was (or, with ``reset``, as new).

    With ``reset`` the server, the interface and the port stay all the same: they say which agent this is, not how
    it behaves.

    :raises UsageError: for a value that cannot be
    """
    base = Settings(server=kept.server, interface=kept.interface, port=kept.port) if reset else kept
    return check(replace(base, **given))


def check(settings: Settings) -> Settings:
    """The settings in their one spelling.

    :raises UsageError: naming the flag at fault
    """
    if settings.backend not in BACKENDS:
        raise UsageError(f"--backend: {settings.backend} is none of {', '.join(BACKENDS)}.")
    if settings.port is not None and not 1 <= settings.port <= 65535:
        raise UsageError("--port: a UDP port is between 1 and 65535.")
    if settings.interface is not None and not _INTERFACE.fullmatch(settings.interface):
        raise UsageError("--interface: a name of at most 15 letters, digits, - and _, a letter first.")
    if settings.hostname is not None and not 1 <= len(settings.hostname) <= 253:
        raise UsageError("--hostname: between 1 and 253 characters.")
    wanted = [_prefix(text) for text in settings.routes]
    return replace(
        settings,
        tags=tuple(dict.fromkeys(_tag(text) for text in settings.tags)),
        routes=tuple(dict.fromkeys(prefix for prefix in wanted if prefix not in _DEFAULT_ROUTES)),
        exit_node=settings.exit_node or any(prefix in _DEFAULT_ROUTES for prefix in wanted),
    )


def default_hostname() -> str:
    """The machine's name, without its domain: what the portal makes the node's name of."""
    return socket.gethostname().split(".", 1)[0] or "node"


def _tag(text: str) -> str:
    tag = text if text.startswith("tag:") else f"tag:{text}"
    if tag == "tag:" or not tag.isascii() or not tag.isprintable() or " " in tag:
        raise UsageError(f"--tag: {text!r} is not a tag.")
    return tag


def _prefix(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise UsageError(f"--advertise-routes: {text!r} is not a prefix such as 192.168.4.0/24.") from error
