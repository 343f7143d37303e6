"""``manage.py serve`` as a process: start, first run, restart, end."""

from __future__ import annotations

import json
import re
import signal
import socket
import sqlite3
import stat
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ghostwire_site.runner.serving import ServeProcess


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    """A portal that has just been started for the first time."""
    with ServeProcess(tmp_path_factory.mktemp("portal") / "data", with_statics=False) as running:
        yield running


def get(url: str) -> tuple[int, bytes]:
    with urllib.request.urlopen(url, timeout=10) as response:
        return response.status, response.read()


def failing_start(portal: ServeProcess) -> tuple[int, str]:
    process = portal.spawn()
    return process.wait(60), portal.output


def test_one_process_serves_pages_api_and_static_files(portal: ServeProcess) -> None:
    assert get(f"{portal.url}/healthz")[0] == 200
    assert get(f"{portal.url}/readyz")[0] == 200
    page = get(f"{portal.url}/admin/login/")[1].decode()
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert files
    assert {get(portal.url + file)[0] for file in files} == {200}
    assert json.loads(get(f"{portal.url}/api/v1/server")[1])["protocol"] == 1


def test_the_first_start_says_how_to_log_in_and_how_machines_join(portal: ServeProcess) -> None:
    assert f"{portal.url}/admin/" in portal.output
    assert f"Password:  {portal.password} " in portal.output
    assert f"{portal.url}/agent/install.py" in portal.output
    assert f"up --auth-key {portal.auth_key} --insecure-http" in portal.output


def test_what_it_writes_is_for_its_user_alone(portal: ServeProcess) -> None:
    def mode(name: str) -> int:
        return stat.S_IMODE((portal.data_dir / name).stat().st_mode)

    assert mode("") == 0o700
    assert {name: mode(name) for name in ("admin-password", "db.sqlite", "secrets")} == {
        "admin-password": 0o600,
        "db.sqlite": 0o600,
        "secrets": 0o700,
    }


def test_the_log_holds_no_secret(portal: ServeProcess) -> None:
    log = portal.output.rpartition("--auth-key")[2].partition("\n")[2]

    assert "server.started" in log
    assert portal.auth_key not in log
    assert portal.password not in log


def test_a_second_process_on_the_same_data_is_refused(portal: ServeProcess) -> None:
    code, output = failing_start(ServeProcess(portal.data_dir))

    assert code == 1
    assert f"GhostWire already runs on {portal.data_dir} (process {portal.process.pid})" in output  # type: ignore[union-attr]
    assert "Traceback" not in output


def test_a_port_in_use_is_said_in_one_line(portal: ServeProcess, tmp_path: Path) -> None:
    code, output = failing_start(ServeProcess(tmp_path / "data", port=portal.port))

    assert code == 1
    assert output.splitlines()[-1] == (
        f"CommandError: cannot listen on 127.0.0.1:{portal.port}: Address already in use"
    )
    assert not (tmp_path / "data" / "admin-password").exists()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_and_starts_again_on_the_same_data(tmp_path: Path, how: signal.Signals) -> None:
    portal = ServeProcess(tmp_path / "data").start()
    password = portal.password
    assert portal.stop(how) == 0
    assert "Traceback" not in portal.output
    assert "server.stopped" in portal.output
    first = portal.output

    portal.start()
    second = portal.output.removeprefix(first)
    assert portal.stop() == 0

    assert portal.password == password
    assert password not in second
    assert f"in {portal.data_dir}/admin-password" in second
    assert "gwk_" not in second
    with sqlite3.connect(tmp_path / "data" / "db.sqlite") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT count(*) FROM nodes_network").fetchone() == (1,)
        assert database.execute("SELECT count(*) FROM sessions_app_user").fetchone() == (1,)


def test_nothing_is_asked_without_a_terminal(portal: ServeProcess) -> None:
    """Standard input is /dev/null in all these tests: a question would have ended the start."""
    assert portal.process is not None
    assert Path(f"/proc/{portal.process.pid}/fd/0").resolve() == Path("/dev/null")


def test_a_supervisor_sees_when_it_was_killed(tmp_path: Path) -> None:
    portal = ServeProcess(tmp_path / "data").start()
    assert portal.stop(signal.SIGKILL) == -signal.SIGKILL

    with portal:
        assert get(f"{portal.url}/readyz")[0] == 200


def test_a_reader_that_never_reads_does_not_hold_up_the_end(tmp_path: Path) -> None:
    portal = ServeProcess(tmp_path / "data").start()
    with socket.create_connection(("127.0.0.1", portal.port)) as idle:
        idle.sendall(b"POST /api/v1/heartbeat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
        assert portal.stop() == 0
