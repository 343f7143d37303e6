"""Kept running: the unit that systemd gets, and the daemon where there is no systemd."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent import control, service
from agent.service import Unit
from agent.state import DEFAULT_STATE_DIR, StateDir
from agent.tests.portal import FakePortal


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemctl that only writes down what it was told."""
    log = tmp_path / "told"
    tool = tmp_path / "bin" / "systemctl"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\necho "$@" >> {log}\n', encoding="ascii")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    return log


def test_the_usual_agent_has_the_plain_name() -> None:
    assert Unit(DEFAULT_STATE_DIR).name == "ghostwire-agent.service"


def test_several_agents_have_several_units() -> None:
    names = {Unit(Path(f"/srv/{number}")).name for number in range(20)}
    assert len(names) == 20
    assert all(name.startswith("ghostwire-agent-") for name in names)


def test_the_unit_runs_this_agent_on_its_directory(tmp_path: Path) -> None:
    text = Unit(tmp_path / "state").text()
    line = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    assert line.endswith(f"run --no-ask --state-dir {tmp_path / 'state'}")
    assert "Type=notify" in text
    assert "Restart=on-failure" in text


def test_certificates_and_proxies_are_passed_on_and_secrets_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/own.pem")
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("GHOSTWIRE_AGENT_AUTH_KEY", "gwk_secret")
    text = Unit(tmp_path).text()
    assert 'Environment="SSL_CERT_FILE=/etc/own.pem"' in text
    assert 'Environment="HTTPS_PROXY=http://proxy:3128"' in text
    assert "gwk_" not in text


def test_percent_signs_are_no_specifiers() -> None:
    assert "%%h" in Unit(Path("/srv/%h")).text()


def test_enable_writes_once_and_starts(tmp_path: Path, systemctl: Path) -> None:
    unit = Unit(tmp_path / "state", unit_dir=tmp_path)
    unit.enable()
    unit.enable()
    assert systemctl.read_text(encoding="ascii").splitlines() == [
        "daemon-reload",
        f"enable {unit.name}",
        f"restart {unit.name}",
        f"enable {unit.name}",
        f"restart {unit.name}",
    ]


def test_disable_stops_and_removes(tmp_path: Path, systemctl: Path) -> None:
    unit = Unit(tmp_path / "state", unit_dir=tmp_path)
    unit.path.write_text("x", encoding="ascii")
    unit.disable()
    unit.disable()
    assert systemctl.read_text(encoding="ascii").splitlines() == [f"disable --now {unit.name}", "daemon-reload"]
    assert not unit.path.exists()


def agent(state: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent", *words, "--state-dir", str(state)],
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
        cwd=Path(__file__).resolve().parents[2],
        env=os.environ | {"GHOSTWIRE_AGENT_BACKEND": "dry-run", "GHOSTWIRE_AGENT_HOSTS_FILE": ""} | environment,
    )


async def command(state: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(agent, state, *words, **environment)


async def test_the_life_of_a_detached_agent(portal: FakePortal, tmp_path: Path) -> None:
    """up keeps it running after the command; nothing is asked again; down ends it; logout forgets it."""
    state = tmp_path / "state"
    portal.heartbeat_seconds = 30.0
    login = ("up", "--server", portal.origin, "--hostname", "web", "--manager", "detached", "--json")
    up = await command(state, *login, GHOSTWIRE_AGENT_AUTH_KEY="gwk_test")
    assert up.returncode == 0, up.stdout + up.stderr
    first: dict[str, Any] = json.loads(up.stdout)
    assert (first["phase"], first["kept_by"], first["node"]["name"]) == ("running", "detached", "web")
    pid = control.call(state, "hello", timeout=10)["pid"]
    try:
        assert (await command(state, "status", "--check", "ready")).returncode == 0
        again = await command(state, "up")
        assert (again.returncode, again.stdout.split()[0]) == (0, "web.test.ghost")
        assert control.call(state, "hello", timeout=10)["pid"] == pid
        assert portal.count("POST nodes/register") == 1
        assert (await command(state, "down")).returncode == 0
        assert (await command(state, "status")).returncode == 3
        assert (await command(state, "up", "--manager", "detached")).returncode == 0
        assert portal.count("POST nodes/register") == 1  # the session outlived the coming down
        assert (await command(state, "logout")).returncode == 0
        assert portal.count("DELETE session") == 1
        needs = await command(state, "up", "--manager", "detached")
        assert needs.returncode == 4
        assert "--auth-key" in needs.stderr
    finally:
        await command(state, "down")
    assert not control.is_running(state)
    log = (state / "agent.log").read_text(encoding="utf-8")
    assert "gwk_" not in log
    assert "gws_" not in log


async def test_a_killed_agent_is_cleared_up_after(portal: FakePortal, tmp_path: Path) -> None:
    state = tmp_path / "state"
    login = ("up", "--server", portal.origin, "--manager", "detached")
    assert (await command(state, *login, GHOSTWIRE_AGENT_AUTH_KEY="gwk_test")).returncode == 0
    os.kill(control.call(state, "hello", timeout=10)["pid"], signal.SIGKILL)
    assert (await command(state, "down")).returncode == 0
    machine = StateDir(state).machine()
    assert machine is not None
    assert not machine.present


async def test_a_refused_key_is_said_with_its_exit_code(portal: FakePortal, tmp_path: Path) -> None:
    state = tmp_path / "state"
    login = ("up", "--server", portal.origin, "--manager", "detached", "--json")
    try:
        up = await command(state, *login, GHOSTWIRE_AGENT_AUTH_KEY="gwk_wrong")
        assert up.returncode == 4
        assert json.loads(up.stdout)["error"]["code"] == "login_needed"
    finally:
        await command(state, "down")


def start(state: Path, *words: str, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "agent", "run", "--state-dir", str(state), *words],
        cwd=Path(__file__).resolve().parents[2],
        env=os.environ | {"GHOSTWIRE_AGENT_BACKEND": "dry-run", "GHOSTWIRE_AGENT_HOSTS_FILE": ""} | environment,
        stderr=subprocess.DEVNULL,
    )


async def test_an_ordinary_end_of_run_is_no_failure(portal: FakePortal, tmp_path: Path) -> None:
    state = tmp_path / "state"
    process = start(state, "--server", portal.origin, GHOSTWIRE_AGENT_AUTH_KEY="gwk_test")
    try:
        await portal.until(lambda: portal.count("frame ack") >= 1, seconds=60)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_systemd_is_not_asked_from_inside_another_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_BOOTED", Path("/"))
    monkeypatch.setattr("shutil.which", lambda _: "/bin/systemctl")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(Path, "read_text", lambda self, encoding: "systemd\n")
    monkeypatch.setattr(Path, "readlink", lambda self: Path(str(self)))  # self and 1 differ
    assert not service.systemd_runs_here()


def test_systemd_is_not_asked_where_the_first_process_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_BOOTED", Path("/"))
    monkeypatch.setattr("shutil.which", lambda _: "/bin/systemctl")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(Path, "readlink", lambda self: Path("same"))
    monkeypatch.setattr(Path, "read_text", lambda self, encoding: "sleep\n")
    assert not service.systemd_runs_here()
    monkeypatch.setattr(Path, "read_text", lambda self, encoding: "systemd\n")
    assert service.systemd_runs_here()
