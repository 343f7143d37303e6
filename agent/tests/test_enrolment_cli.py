"""``up`` at a terminal, without an auth key: a person sees the code, and can break off."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent import control
from agent.state import StateDir
from agent.tests.serving import serving
from agent.tests.test_enrolment import CODE, URL, AskingPortal

ASKED = f"POST enrolments/{CODE}"


@pytest.fixture
async def portal() -> AsyncIterator[AskingPortal]:
    async with serving(AskingPortal()) as running:
        assert isinstance(running, AskingPortal)
        running.heartbeat_seconds = 30.0
        yield running


@dataclass
class Terminal:
    """A person's: the agent's input and its standard error."""

    ours: int
    theirs: int

    def run(self, state: Path, *words: str, stdin: int | None = None) -> subprocess.Popen[bytes]:
        """Starts the agent's command here; ``stdin`` None: somebody sits there."""
        return subprocess.Popen(
            [sys.executable, "-m", "agent", *words, "--state-dir", str(state)],
            stdin=self.theirs if stdin is None else stdin,
            stderr=self.theirs,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).resolve().parents[2],
            env=os.environ | {"GHOSTWIRE_AGENT_BACKEND": "dry-run", "GHOSTWIRE_AGENT_HOSTS_FILE": ""},
            start_new_session=True,
        )

    def said(self) -> str:
        """What it showed so far."""
        os.set_blocking(self.ours, False)
        parts = []
        try:
            while part := os.read(self.ours, 1 << 16):
                parts.append(part)
        except BlockingIOError:
            pass
        return b"".join(parts).decode()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    yield Terminal(ours, theirs)
    for descriptor in (ours, theirs):
        os.close(descriptor)


def up(portal: AskingPortal, *more: str) -> tuple[str, ...]:
    return ("up", "--server", portal.origin, "--hostname", "web", "--manager", "detached", *more)


async def come_down(state: Path, terminal: Terminal) -> None:
    process = terminal.run(state, "down")
    assert await asyncio.to_thread(process.wait, 60) == 0


async def test_up_shows_the_code_and_waits_for_the_approval(
    portal: AskingPortal, terminal: Terminal, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    process = terminal.run(state, *up(portal, "--json"))
    try:
        await portal.until(lambda: portal.count(ASKED) >= 1, seconds=60)
        portal.decision = "approved"
        out, _ = await asyncio.to_thread(process.communicate, None, 60)
        said = terminal.said()
        assert process.returncode == 0, said
        assert json.loads(out)["phase"] == "running"
        for word in (URL, CODE, "▀"):
            assert word in said
    finally:
        await come_down(state, terminal)


async def test_who_breaks_off_leaves_no_agent_and_no_account(
    portal: AskingPortal, terminal: Terminal, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    process = terminal.run(state, *up(portal))
    try:
        await portal.until(lambda: portal.count(ASKED) >= 1, seconds=60)
        process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(process.wait, 60) == 130
        assert not control.is_running(state)
        machine = StateDir(state).machine()
        assert machine is not None
        assert not machine.present
        assert StateDir(state).account() is None
    finally:
        await come_down(state, terminal)


async def test_a_script_is_told_to_give_a_key(portal: AskingPortal, terminal: Terminal, tmp_path: Path) -> None:
    state = tmp_path / "state"
    process = terminal.run(state, *up(portal), stdin=subprocess.DEVNULL)
    try:
        assert await asyncio.to_thread(process.wait, 60) == 4
        assert "--auth-key" in terminal.said()
        assert portal.count("POST nodes/register") == 0
    finally:
        await come_down(state, terminal)


async def test_a_script_with_a_key_that_is_not_enough_is_told_so(
    portal: AskingPortal, terminal: Terminal, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    portal.careful = True
    process = terminal.run(state, *up(portal, "--auth-key", "gwk_test"), stdin=subprocess.DEVNULL)
    try:
        assert await asyncio.to_thread(process.wait, 60) == 5
        assert URL in terminal.said()
        assert control.is_running(state)
    finally:
        await come_down(state, terminal)


async def test_run_without_a_key_writes_where_to_let_it_in_and_waits(
    portal: AskingPortal, terminal: Terminal, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    words = ("run", "--server", portal.origin, "--hostname", "web")
    process = terminal.run(state, *words, stdin=subprocess.DEVNULL)
    try:
        await portal.until(lambda: portal.count(ASKED) >= 1, seconds=60)
        said = terminal.said()
        assert URL in said
        assert CODE in said
        portal.decision = "approved"
        await portal.until(lambda: portal.count("frame ack") >= 1, seconds=60)
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 60) == 0


async def test_run_that_may_not_ask_waits_for_an_up(portal: AskingPortal, terminal: Terminal, tmp_path: Path) -> None:
    state = tmp_path / "state"
    words = ("run", "--no-ask", "--server", portal.origin, "--hostname", "web")
    process = terminal.run(state, *words, stdin=subprocess.DEVNULL)
    try:
        said = ""
        async with asyncio.timeout(60):
            while "--auth-key" not in said:
                await asyncio.sleep(0.05)
                said += terminal.said()
        assert portal.count("POST nodes/register") == 0
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 60) == 0
