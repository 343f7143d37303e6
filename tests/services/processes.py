"""Small things that every service needs: a free port, waiting until it answers, and ending it."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def free_port() -> int:
    """Give a TCP port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(true: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Poll until ``true()``; fails, naming ``what``, when it is not so in time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)


def answers(port: int) -> bool:
    """Tell whether something accepts connections at a port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def alive(pid: int) -> bool:
    """Tell whether a process runs (a zombie does not)."""
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (ProcessLookupError, FileNotFoundError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def end_process(pid: int, *, first: signal.Signals = signal.SIGTERM, seconds: float = 10) -> None:
    """End a process this run started: politely, then not."""
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, first)
        try:
            wait_until(lambda: not alive(pid), seconds=seconds, what=f"end of process {pid}")
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
