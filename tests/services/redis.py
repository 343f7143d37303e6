"""A private Redis: no persistence, a port of its own, gone with the run."""

from __future__ import annotations

import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.services.once import started_once
from tests.services.processes import answers, free_port, wait_until

NEEDS = "redis-server (Debian package redis-server) is not installed"


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A running Redis."""

    port: int

    @property
    def url(self) -> str:
        """Where it is, for ``redis.url``."""
        return f"redis://127.0.0.1:{self.port}/0"


def check_installed() -> None:
    """Make sure that there is a Redis to start.

    Raises:
        FileNotFoundError: it is not installed.
    """
    if shutil.which("redis-server") is None:
        raise FileNotFoundError(NEEDS)


def session_redis() -> RedisServer:
    """Give the Redis of this run, started if it does not run yet.

    Raises:
        FileNotFoundError: it is not installed.
    """
    check_installed()
    return RedisServer(port=started_once("redis", start_redis)["port"])


def start_redis(folder: Path, port: int | None = None) -> dict[str, Any]:
    """Start one in ``folder``; gives its port and pid. Who starts one of their own also ends it."""
    port = port or free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    command += ["--save", "", "--appendonly", "no", "--daemonize", "no", "--logfile", str(folder / "redis.log")]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
    wait_until(lambda: answers(port), seconds=20, what="redis-server")
    return {"port": port, "pid": process.pid, "stop": signal.SIGTERM}
