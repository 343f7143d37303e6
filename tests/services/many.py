"""A portal of many processes on PostgreSQL and Redis, each started by the command that a user would run."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from tests.services import postgres, redis
from tests.services.once import forget_process, note_process, run_folder
from tests.services.processes import answers, end_process, free_port, wait_until
from tests.services.stack import HOME, START_SECONDS, PortalProcess, environment, is_ready
from tests.services.statics import put_statics

UVICORN: Final = "uvicorn {application} --host 127.0.0.1 --port {port} --ws websockets-sansio --no-proxy-headers \
--ws-max-size 131072 --no-access-log --timeout-graceful-shutdown 15"
EDGES: Final = ("edge-0", "edge-1")
SERVERS: Final = (*EDGES, "portal")
TASKS: Final = ("worker", "beat")
ROLES: Final = (*SERVERS, *TASKS)
PROCESSES: Final = len(ROLES)


@dataclass
class ManyProcesses(PortalProcess):
    """Two uvicorn workers, one daphne, Celery's worker and beat, their PostgreSQL and their Redis.

    ``edge-1`` serves the application through ``tests.services.saboteur``, so that it can be ended at a given point.
    """

    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    database: dict[str, Any] = field(default_factory=dict)
    database_folder: Path = Path()
    redis: dict[str, Any] = field(default_factory=dict)
    metrics_ports: dict[str, int] = field(default_factory=lambda: {role: free_port() for role in TASKS})
    """Where worker and beat tell what they count; servers do at their own port."""

    def at(self, role: str) -> PortalProcess:
        """The same portal, reached through one of its servers."""
        return replace(self, ports=[self.port_of(role)])

    def port_of(self, role: str) -> int:
        """Where a server listens."""
        return self.ports[SERVERS.index(role)]

    def url_of(self, role: str) -> str:
        """Where a server is reached."""
        return f"http://127.0.0.1:{self.port_of(role)}"

    @property
    def urls(self) -> list[str]:
        """Where each server is reached."""
        return [self.url_of(role) for role in SERVERS]

    # --- Processes

    def spawn(self, role: str) -> None:
        """Start a process without waiting for it."""
        with (self.data_dir.parent / f"{role}.log").open("ab") as log:
            process = subprocess.Popen(
                self._command(role), cwd=HOME, env=self._environ_of(role), stdout=log, stderr=subprocess.STDOUT
            )
        note_process(process.pid)
        self.running[role] = process

    def wait_ready(self, *roles: str) -> None:
        """Wait until servers answer that they are ready, and the others have said that they run."""
        for role in roles:
            process = self.running[role]

            def up(role: str = role, process: subprocess.Popen[bytes] = process) -> bool:
                assert process.poll() is None, f"{role} ended with {process.returncode}:\n{self.log_of(role)}"
                if role in SERVERS:
                    return is_ready(self.port_of(role))
                return f"{role}.ready" in self.log_of(role)

            wait_until(up, seconds=START_SECONDS, what=f"start of {role}")

    def start(self, *roles: str) -> None:
        """Start processes, and wait until they are there."""
        for role in roles:
            self.spawn(role)
        self.wait_ready(*roles)

    def end(self, role: str, how: signal.Signals = signal.SIGTERM, *, seconds: float = 40) -> int:
        """End a process; gives its exit code, negative for the signal that it died of."""
        process = self.running.pop(role)
        if process.poll() is None:
            process.send_signal(how)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{role} did not end in {seconds:g} s:\n{self.log_of(role)}") from None
        finally:
            forget_process(process.pid)

    def died(self, role: str, *, seconds: float = 30) -> int:
        """Wait until a process has ended by itself; gives its exit code."""
        wait_until(lambda: self.running[role].poll() is not None, seconds=seconds, what=f"end of {role}")
        return self.end(role)

    def mend(self) -> None:
        """Bring back whatever does not run."""
        if not answers(self.redis["port"]):
            self.start_redis()
        for role in ROLES:
            if role in self.running and self.running[role].poll() is not None:
                self.end(role)
        missing = [role for role in ROLES if role not in self.running]
        for role in missing:
            self.spawn(role)
        self.wait_ready(*SERVERS, *(role for role in missing if role not in SERVERS))

    def log_of(self, role: str) -> str:
        """What a process wrote."""
        return (self.data_dir.parent / f"{role}.log").read_text(errors="replace")

    def log(self) -> str:
        """What the last lines of all processes are."""
        return "\n".join(f"--- {role}\n{self.log_of(role)[-4000:]}" for role in ROLES)

    def stop(self, first: signal.Signals = signal.SIGTERM) -> None:
        """End all processes, politely first, and then the services."""
        for process in self.running.values():
            if process.poll() is None:
                process.send_signal(first)
        for role in list(self.running):
            self.end(role, first)
        if self.redis:
            self.stop_redis()
        if self.database:
            end_process(self.database["pid"], first=signal.Signals(self.database["stop"]))
            forget_process(self.database["pid"])
            shutil.rmtree(self.database_folder)

    # --- Services

    def start_redis(self) -> None:
        """Start Redis, empty, where it was before if it was."""
        self.redis = redis.start_redis(self.data_dir.parent, self.redis.get("port"))
        note_process(self.redis["pid"])

    def stop_redis(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End Redis, and with it all that it held."""
        end_process(self.redis["pid"], first=how)
        forget_process(self.redis["pid"])

    def start_postgres(self) -> None:
        """Start PostgreSQL with a new, empty database that keeps what is committed."""
        # Not among the other files: where this is root it runs as a user of its own, who may not go there.
        self.database_folder = Path(tempfile.mkdtemp(prefix="many-", dir=run_folder()))
        self.database = postgres.start_postgres(self.database_folder, durable=True)
        note_process(self.database["pid"], signal.SIGQUIT)

    def restart_postgres(self, mode: str) -> None:
        """Restart PostgreSQL: ``immediate`` is a crash."""
        forget_process(self.database["pid"])
        self.database = postgres.restart_postgres(self.database_folder, mode=mode)
        note_process(self.database["pid"], signal.SIGQUIT)

    # --- Commands

    def _command(self, role: str) -> list[str]:
        if role in EDGES:
            application = "ghostwire_site.asgi:application"
            if role == "edge-1":
                application = "tests.services.saboteur:application"
            return [sys.executable, "-m", *UVICORN.format(application=application, port=self.port_of(role)).split()]
        if role == "portal":
            return [sys.executable, "manage.py", "serve", "--without-tasks"]
        return [sys.executable, "-m", *f"celery --app ghostwire_site {role} --loglevel INFO".split()]

    def _environ_of(self, role: str) -> dict[str, str]:
        if role == "portal":
            return self.environ | {"GHOSTWIRE_SERVER__LISTEN_ADDR": f"127.0.0.1:{self.port_of(role)}"}
        if role in TASKS:
            return self.environ | {"GHOSTWIRE_METRICS__TASKS_ADDR": f"127.0.0.1:{self.metrics_ports[role]}"}
        return self.environ


@contextmanager
def many_process_portal(folder: Path, **overrides: str) -> Iterator[ManyProcesses]:
    """Start it all in ``folder``; whatever happens, nothing of it is left.

    Raises:
        FileNotFoundError: PostgreSQL or Redis is not installed.
    """
    postgres.check_installed()
    redis.check_installed()
    data_dir = folder / "data"
    portal = ManyProcesses(data_dir, [free_port() for _ in SERVERS], {})
    try:
        portal.start_redis()
        portal.start_postgres()
        address = f"127.0.0.1:{portal.database['port']}"
        portal.environ = environment(
            data_dir,
            portal.ports,
            GHOSTWIRE_DATABASE__URL=f"postgresql://ghostwire@{address}/ghostwire",
            GHOSTWIRE_DATABASE__PROCESSES=str(PROCESSES),
            GHOSTWIRE_REDIS__URL=f"redis://127.0.0.1:{portal.redis['port']}/0",
            GHOSTWIRE_SABOTAGE=str(folder / "sabotage"),
            **overrides,
        )
        put_statics(data_dir)
        portal.manage("prepare")
        portal.start(*ROLES)
        yield portal
    finally:
        portal.stop()
