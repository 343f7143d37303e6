"""The flags, each of which is also an environment variable ``GHOSTWIRE_AGENT_NAME``; the flag wins."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agent.errors import UsageError
from agent.settings import BACKENDS

ENV_PREFIX: Final = "GHOSTWIRE_AGENT_"
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_UNITS: Final = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0}


def truth(text: str) -> bool:
    """Read yes or no, in the usual spellings."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(f"{text!r} is neither true nor false")


def duration(text: str) -> float:
    """Read ``30``, ``30s``, ``500ms``, ``2m`` or ``1h`` as seconds."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a duration such as 30s")
    return float(found[1]) * _UNITS[found[2]]


def words(text: str) -> tuple[str, ...]:
    """Read a list with commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def automatic_number(text: str) -> int | None:
    """Read a port; ``auto`` or 0 gives the choice back to the agent."""
    return None if text in ("auto", "0") else int(text)


def automatic_name(text: str) -> str | None:
    """Read a name; ``auto`` gives the choice back to the agent."""
    return None if text == "auto" else text


@dataclass(frozen=True, slots=True)
class Option:
    """A flag: where its value goes, how it is spelled, how its text is read (``truth`` makes it a switch)."""

    name: str
    flags: tuple[str, ...]
    read: Callable[[str], Any]
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()

    @property
    def variables(self) -> list[str]:
        """The environment variables that stand for it: one for each long spelling."""
        return [ENV_PREFIX + flag[2:].replace("-", "_").upper() for flag in self.flags if flag.startswith("--")]


COMMON: Final = (
    Option("state_dir", ("--state-dir",), Path, "where keys and settings are kept", "DIR"),
    Option("verbose", ("--verbose", "-v"), truth, "log more"),
)
# What is kept in the settings: see agent.settings.
SETTINGS: Final = (
    Option("server", ("--server", "--login-server"), str, "the portal, such as https://portal.example", "URL"),
    Option("hostname", ("--hostname",), str, "name to ask for (default: the machine's)", "NAME"),
    Option("tags", ("--tag", "--advertise-tags"), words, "tags to ask for; may be repeated", "TAG[,TAG]"),
    Option("port", ("--port",), automatic_number, "UDP port of WireGuard (default: 51820, or a free one)", "PORT"),
    Option("interface", ("--interface",), automatic_name, "interface (default: the first free ghostwireN)", "NAME"),
    Option("backend", ("--backend",), str, "how WireGuard is run", choices=BACKENDS),
    Option("insecure_http", ("--insecure-http",), truth, "allow http:// to another machine"),
    Option("routes", ("--advertise-routes",), words, "subnets to offer to the mesh", "CIDR[,CIDR]"),
    Option("exit_node", ("--advertise-exit-node",), truth, "offer to be an exit node"),
    Option("accept_routes", ("--accept-routes",), truth, "use the subnets that peers offer"),
    Option("hosts_file", ("--hosts-file",), str, "hosts file that gets the peers' names; empty for none", "PATH"),
)
LOGIN: Final = (
    Option("auth_key", ("--auth-key",), str, "auth key, or file:PATH of a file that holds one", "KEY"),
    Option("force_reauth", ("--force-reauth",), truth, "register again even though the portal knows this machine"),
    Option("reset", ("--reset",), truth, "set what is not said here back to its default"),
)
JSON: Final = Option("json", ("--json",), truth, "answer in JSON")
TIMEOUT: Final = Option("timeout", ("--timeout",), duration, "how long to wait", "DURATION")


def add(parser: argparse.ArgumentParser, options: tuple[Option, ...]) -> None:
    """Teach a parser the options. None has a default: what is absent was not said."""
    for option in options:
        kind: dict[str, Any] = {"dest": option.name, "default": argparse.SUPPRESS, "help": option.help}
        if option.read is truth:
            parser.add_argument(*option.flags, action=argparse.BooleanOptionalAction, **kind)
        elif option.read is words:
            parser.add_argument(*option.flags, action="extend", type=_as_list, metavar=option.metavar, **kind)
        elif option.choices:
            parser.add_argument(*option.flags, choices=option.choices, **kind)
        else:
            parser.add_argument(*option.flags, type=option.read, metavar=option.metavar, **kind)


def spell_switches(arguments: list[str], options: tuple[Option, ...]) -> list[str]:
    """``--peers=false`` as ``--no-peers``: switches take a value as well, as fingers know it from elsewhere."""
    switches = {flag for option in options if option.read is truth for flag in option.flags if flag.startswith("--")}
    spelled = []
    for argument in arguments:
        flag, equals, value = argument.partition("=")
        if equals and flag in switches:
            try:
                spelled.append(flag if truth(value) else f"--no-{flag[2:]}")
            except ValueError as error:
                raise UsageError(f"{flag}: {error}.") from error
        else:
            spelled.append(argument)
    return spelled


def complete(said: dict[str, Any], options: tuple[Option, ...], environment: Mapping[str, str] | None = None) -> None:
    """Add what only the environment says.

    :raises UsageError: for a variable that cannot be read
    """
    variables = os.environ if environment is None else environment
    for option in options:
        if option.name in said:
            continue
        for variable in option.variables:
            if variable in variables:
                try:
                    said[option.name] = option.read(variables[variable])
                except ValueError as error:
                    raise UsageError(f"{variable}: {error}.") from error
                if option.choices and said[option.name] not in option.choices:
                    raise UsageError(f"{variable}: one of {', '.join(option.choices)}.")
                break


def read_auth_key(text: str) -> tuple[str, str | None]:
    """The auth key, and the file that it came from (``file:PATH``), which keeps it out of the process list.

    :raises UsageError: if the file cannot be read or is empty
    """
    if not text.startswith("file:"):
        return text.strip(), None
    path = Path(text.removeprefix("file:")).expanduser().resolve()
    try:
        key = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise UsageError(f"--auth-key: {path} cannot be read: {error}.") from error
    if not key:
        raise UsageError(f"--auth-key: {path} is empty.")
    return key, str(path)


def _as_list(text: str) -> list[str]:
    return list(words(text))
