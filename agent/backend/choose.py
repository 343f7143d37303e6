"""Which backend a machine gets."""

from __future__ import annotations

import os
from typing import Final

from agent.backend import links, uapi, userspace
from agent.backend.base import Backend
from agent.backend.dry_run import DryRunBackend
from agent.backend.kernel import KernelDevice
from agent.backend.machine import MachineBackend
from agent.backend.userspace import UserspaceDevice
from agent.errors import BackendError

INTERFACE_PREFIX: Final = "ghostwire"
_MAX_INTERFACES: Final = 1000


def choose_backend(wanted: str) -> Backend:
    """The backend for ``auto``, ``kernel``, ``wireguard-go`` or ``dry-run``. ``auto`` takes the kernel's WireGuard
    where there is one, since it is the fastest and needs no process, and wireguard-go otherwise.

    :raises BackendError: if this machine has neither
    """
    if wanted == "dry-run":
        return DryRunBackend()
    if wanted == "kernel":
        return MachineBackend(KernelDevice())
    if wanted == "wireguard-go":
        return MachineBackend(UserspaceDevice())
    probe = f"gwp{os.getpid()}"  # a name of our own: another agent may be probing at this moment
    try:
        links.add_wireguard(probe)
    except BackendError as error:
        if not userspace.is_available():
            raise BackendError(f"{error.detail} Without it the package wireguard-go is needed.") from error
        return MachineBackend(UserspaceDevice())
    links.remove(probe)
    return MachineBackend(KernelDevice())


def free_interface(*, preferred: str | None = None) -> str:
    """The first of ``preferred``, ``ghostwire0``, ``ghostwire1``, ... that nobody on this machine uses.

    :raises BackendError: if a thousand are taken
    """
    numbered = (f"{INTERFACE_PREFIX}{number}" for number in range(_MAX_INTERFACES))
    for name in (preferred, *numbered) if preferred else numbered:
        if not links.exists(name) and not uapi.is_listening(uapi.socket_path(name)):
            return name
    raise BackendError(f"No interface name is free: {INTERFACE_PREFIX}0 and so on are all taken.")
