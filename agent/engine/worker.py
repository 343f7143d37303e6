"""The tunnel in a thread of its own, so that no netlink call or wireguard-go start holds up the conversation."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from agent.backend import Backend, DeviceConfig, choose_backend
from agent.backend.choose import free_interface
from agent.backend.machine import clear_leftovers
from agent.clock import Clock
from agent.errors import BackendError, InterfaceTakenError
from agent.settings import Settings
from agent.state import MachineMemory, StateDir
from agent.tunnel import Tunnel, TunnelOptions

DEFAULT_PORT: Final = 51820
_NAME_TRIES: Final = 5
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class TunnelWorker:
    """Owns the tunnel: makes it, lets others use it one call at a time, and takes it away."""

    def __init__(
        self,
        state: StateDir,
        settings: Settings,
        private_key: bytes,
        clock: Clock,
        *,
        make_backend: Callable[[str], Backend] = choose_backend,
    ) -> None:
        self.tunnel: Tunnel | None = None
        self._state = state
        self._settings = settings
        self._private_key = private_key
        self._clock = clock
        self._make_backend = make_backend
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="tunnel")

    async def use(self, act: Callable[[Tunnel], _T]) -> _T:
        """Run something on the tunnel, after whatever was asked before.

        :raises BackendError: if there is no tunnel, or as the act does
        """

        def call() -> _T:
            if self.tunnel is None:
                raise BackendError("There is no tunnel.")
            return act(self.tunnel)

        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def change_key(self, private_key: bytes) -> None:
        """Give the tunnel, and those made from now on, another private key (32 bytes).

        :raises BackendError: if the machine cannot: the interface is taken away then
        """
        self._private_key = private_key
        if self.tunnel is not None:
            await self.use(lambda tunnel: tunnel.change_key(private_key))

    async def open(self) -> Tunnel:
        """The tunnel, made if there is none; what a killed agent left is cleared away before.

        :raises BackendError: if the machine cannot
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._open)

    async def close(self) -> None:
        """Take everything away from the machine."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._close)

    async def end(self) -> None:
        """Take everything away, and end the thread."""
        try:
            await self.close()
        finally:
            # Last: wireguard-go dies with the thread that started it (prctl(2), PR_SET_PDEATHSIG).
            self._threads.shutdown(wait=False)

    def _open(self) -> Tunnel:
        if self.tunnel is not None:
            return self.tunnel
        memory = self._state.machine()
        if memory is not None and memory.present and memory.backend != "dry-run":
            _log.info("clearing away what a former run left: %s", memory.interface)
            clear_leftovers(memory.interface, memory.hosts_file)
        for attempt in range(1, _NAME_TRIES + 1):
            backend = self._make_backend(self._settings.backend)
            interface = self._interface(memory)
            port = self._port(memory)
            self._remember(interface, port, backend, present=True)
            options = TunnelOptions(self._settings.accept_routes, self._settings.hosts_file)
            tunnel = Tunnel(backend, DeviceConfig(interface, self._private_key, port), options, self._clock)
            try:
                tunnel.open()
            except InterfaceTakenError:
                # Another agent was a moment faster with the name that was free for both.
                if self._settings.interface is not None or attempt == _NAME_TRIES:
                    raise
                memory = None
                continue
            break
        _log.info("interface %s is up on UDP port %d (%s)", interface, port, backend.kind)
        self.tunnel = tunnel
        return tunnel

    def _close(self) -> None:
        tunnel, self.tunnel = self.tunnel, None
        if tunnel is not None:
            tunnel.close()
            self._remember(tunnel.config.interface, tunnel.config.port, tunnel.backend, present=False)
            _log.info("interface %s is taken away", tunnel.config.interface)

    def _remember(self, interface: str, port: int, backend: Backend, *, present: bool) -> None:
        self._state.keep_machine(MachineMemory(interface, port, self._settings.hosts_file, backend.kind, present))

    def _interface(self, memory: MachineMemory | None) -> str:
        return self._settings.interface or free_interface(preferred=memory.interface if memory else None)

    def _port(self, memory: MachineMemory | None) -> int:
        """The port the user chose, else the one of last time, else WireGuard's own, else any that is free."""
        if self._settings.port is not None:
            return self._settings.port
        for port in (memory.port if memory else DEFAULT_PORT, DEFAULT_PORT):
            if _is_free(port):
                return port
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("", 0))
            return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(("", port))
        except OSError as error:
            if error.errno != errno.EAFNOSUPPORT:  # a machine without IPv6
                return False
    return True
