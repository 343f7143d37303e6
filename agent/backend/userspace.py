"""wireguard-go as a child process: started, watched and ended with the agent."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import threading
import time
from typing import IO, Final

from agent.backend import uapi
from agent.backend.base import DeviceConfig, PeerStats, PeerUpdate
from agent.errors import BackendError, InterfaceTakenError
from agent.nft import find_tool

TOOL: Final = "wireguard-go"
_START_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.02
_PR_SET_PDEATHSIG: Final = 1
_libc = ctypes.CDLL(None, use_errno=True)
_log = logging.getLogger("agent.wireguard-go")


def is_available() -> bool:
    """Whether wireguard-go is installed."""
    return find_tool(TOOL) is not None


class UserspaceDevice:
    """An interface of wireguard-go, spoken to through its UAPI socket. It disappears when the process does."""

    kind = "wireguard-go"

    def __init__(self) -> None:
        self._interface = ""
        self._process: subprocess.Popen[str] | None = None

    def create(self, config: DeviceConfig) -> None:
        """Start the process, wait until it listens, and give it key and port."""
        tool = find_tool(TOOL)
        if tool is None:
            raise BackendError(f"{TOOL} is missing: install the package wireguard-go.")
        self._interface = config.interface
        _refuse_taken(config.interface)
        # It writes a banner and its errors: they go to our log. LOG_LEVEL=verbose would show peers' addresses.
        self._process = subprocess.Popen(  # noqa: S603
            [tool, "-f", config.interface],
            env=os.environ | {"WG_PROCESS_FOREGROUND": "1", "LOG_LEVEL": "error"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C is for the agent, which ends it in order
            preexec_fn=_die_with_parent,  # noqa: PLW1509
        )
        said: list[str] = []
        threading.Thread(target=_drain, args=(self._process.stdout, said), daemon=True).start()
        try:
            self._wait_until_it_listens(said)
            uapi.call(uapi.socket_path(config.interface), "set", uapi.encode_device(config.private_key, config.port))
        except BackendError:
            self.destroy()
            raise

    def change_key(self, private_key: bytes) -> None:
        """Give the interface another private key; its peers stay, and shake hands anew."""
        uapi.call(uapi.socket_path(self._interface), "set", uapi.encode_key_change(private_key))

    def update_peers(self, updates: list[PeerUpdate]) -> None:
        """Carry out the updates in order, in one call."""
        uapi.call(uapi.socket_path(self._interface), "set", uapi.encode_updates(updates))

    def stats(self) -> list[PeerStats]:
        """Every peer of the device."""
        return uapi.decode_stats(uapi.call(uapi.socket_path(self._interface), "get"))

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def destroy(self) -> None:
        """End the process; the kernel takes the interface away with it."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        uapi.socket_path(self._interface).unlink(missing_ok=True)

    def _wait_until_it_listens(self, said: list[str]) -> None:
        process = self._process
        assert process is not None
        deadline = time.monotonic() + _START_SECONDS
        while not uapi.is_listening(uapi.socket_path(self._interface)):
            if process.poll() is not None:
                raise BackendError(f"{TOOL} ended at once: {' '.join(said[-1:]) or process.returncode}.")
            if time.monotonic() > deadline:
                raise BackendError(f"{TOOL} did not open its socket within {_START_SECONDS:.0f} seconds.")
            time.sleep(_POLL_SECONDS)


def _refuse_taken(interface: str) -> None:
    """A socket that somebody answers belongs to a running interface, perhaps in another network namespace.

    :raises InterfaceTakenError: then; a socket that nobody answers is a leftover and removed
    """
    path = uapi.socket_path(interface)
    if uapi.is_listening(path):
        raise InterfaceTakenError(f"{path} belongs to a running interface: choose another --interface.")
    path.unlink(missing_ok=True)


def _die_with_parent() -> None:
    """In the child: have the kernel end it when the agent dies, however it dies (prctl(2), PR_SET_PDEATHSIG)."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _drain(stream: IO[str] | None, said: list[str]) -> None:
    """Keep the pipe empty, so that the child never waits for us."""
    if stream is None:
        return
    with stream:
        for line in stream:
            if line.strip("│┌┐└┘─ \n"):
                said[:] = [*said[-9:], line.strip()]
                _log.debug("%s", line.strip())
