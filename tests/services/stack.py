"""A real portal: its own processes on ports of their own, with their own data, as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.services.processes import end_process, free_port, wait_until
from tests.services.statics import put_statics

HOME = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 180.0


@dataclass
class PortalProcess:
    """A running portal. ``workers`` are the processes that serve, the first on ``port``."""

    data_dir: Path
    ports: list[int]
    environ: dict[str, str]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.ports[0]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def manage(self, *arguments: str, text: str | None = None) -> str:
        """Runs a command of manage.py against this portal's data and returns what it prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=HOME,
            env=self.environ,
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def manage_json(self, *arguments: str) -> Any:
        """The same, read as JSON."""
        return json.loads(self.manage(*arguments, "--json"))

    def log(self) -> str:
        """What the serving processes wrote."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.data_dir.glob("worker-*.log")))

    def stop(self, first: signal.Signals = signal.SIGTERM) -> None:
        """Ends all processes, politely first."""
        for worker in self.workers:
            if worker.poll() is None:
                end_process_of(worker, first)
        self.workers.clear()


def environment(data_dir: Path, ports: list[int], **overrides: str) -> dict[str, str]:
    """The environment of a portal's processes: nothing of whoever runs the tests, and what is given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GHOSTWIRE_", "DJANGO_"))}
    return kept | {
        "GHOSTWIRE_CONFIG": os.devnull,
        "GHOSTWIRE_SERVER__DATA_DIR": str(data_dir),
        "GHOSTWIRE_SERVER__LISTEN_ADDR": f"127.0.0.1:{ports[0]}",
        "GHOSTWIRE_SERVER__PUBLIC_URLS": ",".join(f"http://127.0.0.1:{port}" for port in ports),
        "GHOSTWIRE_NETWORK__PUSH_INTERVAL": "50ms",
        "DJANGO_SETTINGS_MODULE": "ghostwire_site.settings",
        "PYTHONUNBUFFERED": "1",
        **overrides,
    }


@contextmanager
def one_process_portal(data_dir: Path, **overrides: str) -> Iterator[PortalProcess]:
    """What ``make run`` starts: portal, API, sockets and tasks in one process on SQLite."""
    portal = PortalProcess(data_dir, [free_port()], {})
    portal.environ = environment(data_dir, portal.ports, **overrides)
    put_statics(data_dir)
    try:
        start_worker(portal, [sys.executable, "manage.py", "serve"], portal.port)
        yield portal
    finally:
        portal.stop()


def start_worker(portal: PortalProcess, command: list[str], port: int | None) -> subprocess.Popen[bytes]:
    """Starts one process of the portal and waits until it answers on ``port``."""
    number = len(list(portal.data_dir.glob("worker-*.log")))
    with (portal.data_dir / f"worker-{number}.log").open("wb") as log:
        worker = subprocess.Popen(command, cwd=HOME, env=portal.environ, stdout=log, stderr=subprocess.STDOUT)
    portal.workers.append(worker)
    if port is not None:
        wait_until(lambda: worker.poll() is not None or is_ready(port), seconds=START_SECONDS, what="the portal")
        assert worker.poll() is None, portal.log()
    return worker


def is_ready(port: int) -> bool:
    """Whether a portal answers that it is ready."""
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def end_process_of(worker: subprocess.Popen[bytes], first: signal.Signals) -> None:
    """Ends a process that this one started."""
    worker.send_signal(first)
    try:
        worker.wait(20)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()


__all__ = ["PortalProcess", "end_process", "environment", "is_ready", "one_process_portal", "start_worker"]
