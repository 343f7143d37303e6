"""What this machine tells the portal about itself."""

from __future__ import annotations

import platform
from typing import Any, Final

from agent import __version__
from agent.settings import Settings, default_hostname

_MAX_VALUE: Final = 256  # bytes a posture value may have (agent protocol, "Registration")


def machine_facts() -> dict[str, Any]:
    """Operating system and version, and a posture of plain facts that policies may ask for."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    posture = {
        "distribution": release.get("ID", ""),
        "kernel": platform.release(),
        "architecture": platform.machine(),
    }
    return {
        "os": platform.system().lower(),
        "os_version": release.get("VERSION_ID", "") or platform.release(),
        "agent_version": __version__,
        "posture": {name: value[:_MAX_VALUE] for name, value in posture.items() if value},
    }


def registration_facts(settings: Settings, *, endpoints: list[str], port: int) -> dict[str, Any]:
    """The members of a registration besides keys."""
    return {
        "hostname": settings.hostname or default_hostname(),
        **machine_facts(),
        "endpoints": endpoints,
        "listen_port": port,
        "routes": list(settings.advertised),
        "tags": list(settings.tags),
    }
