"""A private PostgreSQL cluster: in a folder of this run, on a port of its own, gone with the run."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.services.once import started_once
from tests.services.processes import free_port

NEEDS = "PostgreSQL's server programs (Debian package postgresql) are not installed"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster with an empty database ``ghostwire``."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Where it is, for ``database.url``."""
        return self.url_of("ghostwire")

    def url_of(self, database: str) -> str:
        """Where one of its databases is."""
        return f"postgresql://ghostwire@127.0.0.1:{self.port}/{database}"


def binaries() -> Path | None:
    """Find the server programs: of the newest version Debian installed, else on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).resolve().parent if on_path else None


def check_installed() -> None:
    """Make sure that there is a PostgreSQL to start.

    Raises:
        FileNotFoundError: it is not installed.
    """
    if binaries() is None:
        raise FileNotFoundError(NEEDS)


def session_cluster() -> Cluster:
    """Give the cluster of this run, started if it does not run yet.

    Raises:
        FileNotFoundError: PostgreSQL is not installed.
    """
    check_installed()
    facts = started_once("postgres", start_postgres)
    return Cluster(host="127.0.0.1", port=facts["port"])


def _account() -> dict[str, Any]:
    """As whom to run it: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def start_postgres(folder: Path, *, durable: bool = False) -> dict[str, Any]:
    """Start a cluster in ``folder``; gives its port and pid. Who starts one of their own also ends it.

    ``durable``: what was committed survives the end of the server, though not of the machine.
    """
    programs = binaries()
    assert programs is not None
    account = _account()
    data = folder / "data"
    data.mkdir(mode=0o700)
    if account:
        folder.chmod(0o711)
        os.chown(data, account["user"], account["group"])
    _run(data, "initdb", "-U", "ghostwire", "--auth=trust", "-E", "UTF8", "--no-sync")
    port = free_port()
    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off "
        f"-c synchronous_commit={'on' if durable else 'off'} -c full_page_writes=off -c max_connections=300 "
        "-c shared_buffers=64MB -c autovacuum_naptime=10min -c jit=off"
    )
    _run(data, "pg_ctl", "-l", data / "server.log", "-o", options, "-w", "-t", "60", "start")
    create: list[Any] = [programs / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "ghostwire", "ghostwire"]
    subprocess.run(create, check=True, capture_output=True)
    # SIGQUIT, immediate shutdown: there is nothing to keep, so nothing to check-point.
    return {"port": port, "pid": _pid(data), "stop": signal.SIGQUIT}


def restart_postgres(folder: Path, *, mode: str) -> dict[str, Any]:
    """Restart the cluster in ``folder`` on its port: ``smart``, ``fast`` or ``immediate``, which is a crash."""
    data = folder / "data"
    _run(data, "pg_ctl", "-l", data / "server.log", "-m", mode, "-w", "-t", "60", "restart")
    port = int((data / "postmaster.pid").read_text().splitlines()[3])
    return {"port": port, "pid": _pid(data), "stop": signal.SIGQUIT}


def _pid(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().splitlines()[0])


def _run(data: Path, program: str, *arguments: Any) -> None:
    """Run one of the server's programs on a data directory, as whom it may run."""
    programs = binaries()
    assert programs is not None
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(data)}
    # Output goes nowhere: the server keeps what it inherits, and with a pipe this would wait for its end.
    quiet = subprocess.DEVNULL
    command: list[Any] = [programs / program, "-D", data, *arguments]
    subprocess.run(command, env=environment, cwd=data, check=True, stdout=quiet, stderr=quiet, **_account())
