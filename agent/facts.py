"""What this machine tells the portal about itself."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from agent import __version__
from agent.settings import Settings, default_hostname

_MAX_VALUE: Final = 256  # bytes a posture value may have (agent protocol, "Registration")
_MAX_SYSTEM: Final = {"os": 64, "os_version": 128, "agent_version": 64}  # characters
OS_RELEASE: Final = (Path("/etc/os-release"), Path("/usr/lib/os-release"))


def system_facts(os_release: Sequence[Path] = OS_RELEASE) -> dict[str, str]:
    """``os``, ``os_version`` and ``agent_version``. Read anew each time: a system is upgraded under a running agent."""
    machine = os.uname()
    facts = {
        "os": machine.sysname.lower(),
        "os_version": read_os_release(os_release).get("VERSION_ID", "") or machine.release,
        "agent_version": __version__,
    }
    return {name: value[: _MAX_SYSTEM[name]] for name, value in facts.items()}


def posture_facts(os_release: Sequence[Path] = OS_RELEASE) -> dict[str, str]:
    """Plain facts that policies may ask for, with ``system_facts`` among them: heartbeats have no other member for them
    and the portal takes them from there."""
    machine = os.uname()
    facts = {
        "distribution": read_os_release(os_release).get("ID", ""),
        "kernel": machine.release,
        "architecture": machine.machine,
        **system_facts(os_release),
    }
    return {name: _cut(value) for name, value in facts.items() if value}


def registration_facts(settings: Settings, *, endpoints: list[str], port: int) -> dict[str, Any]:
    """The members of a registration besides keys."""
    return {
        "hostname": settings.hostname or default_hostname(),
        **system_facts(),
        "posture": posture_facts(),
        "endpoints": endpoints,
        "listen_port": port,
        "routes": list(settings.advertised),
        "tags": list(settings.tags),
    }


def read_os_release(paths: Sequence[Path] = OS_RELEASE) -> dict[str, str]:
    """The first of these files that there is: assignments in the manner of a shell (os-release(5)); else nothing.

    ``platform.freedesktop_os_release`` reads it once in a process's life.
    """
    for path in paths:
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        found: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition("=")
            try:
                words = shlex.split(value)
            except ValueError:  # a quote that is not closed
                continue
            if name.isidentifier() and words:
                found[name] = words[0]
        return found
    return {}


def _cut(value: str) -> str:
    return value.encode()[:_MAX_VALUE].decode(errors="ignore")
