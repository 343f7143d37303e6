"""The control socket: for the owner alone, and clear about an agent that is not there."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent import control
from agent.control import AnsweredError
from agent.errors import LoginNeededError, NotRunningError
from agent.state import SOCKET_FILE, StateDir


async def answer(op: str, values: dict[str, Any]) -> dict[str, Any]:
    if op == "fail":
        raise LoginNeededError("log in")
    if op == "break":
        raise RuntimeError("gwk_" + "A" * 43)
    return {"op": op, **values}


@pytest.fixture
async def served(state: StateDir) -> AsyncIterator[StateDir]:
    server = await control.serve(state.path, answer)
    yield state
    server.close()


async def ask(state: StateDir, op: str, **values: Any) -> dict[str, Any]:
    return await asyncio.to_thread(control.call, state.path, op, timeout=10.0, **values)


async def test_an_answer_comes_back(served: StateDir) -> None:
    assert await ask(served, "status", wide=True) == {"op": "status", "wide": True}


async def test_an_error_keeps_its_code(served: StateDir) -> None:
    with pytest.raises(AnsweredError) as refusal:
        await ask(served, "fail")
    assert (refusal.value.answered_code, refusal.value.detail) == ("login_needed", "log in")


async def test_a_fault_in_one_answer_does_not_end_the_agent_or_tell_secrets(served: StateDir) -> None:
    with pytest.raises(AnsweredError) as refusal:
        await ask(served, "break")
    assert "gwk_" not in refusal.value.detail
    assert (await ask(served, "status"))["op"] == "status"


async def test_a_large_answer_comes_whole(served: StateDir) -> None:
    assert len((await ask(served, "status", text="x" * 900_000))["text"]) == 900_000


async def test_the_socket_is_the_owners_alone(served: StateDir) -> None:
    assert (served.path / SOCKET_FILE).stat().st_mode & 0o777 == 0o600


async def test_a_state_directory_may_be_deeper_than_a_socket_path(tmp_path: Path) -> None:
    deep = StateDir(tmp_path / ("d" * 90) / ("e" * 90))
    deep.prepare()
    server = await control.serve(deep.path, answer)
    assert (await ask(deep, "hello"))["op"] == "hello"
    server.close()


def test_nobody_there(state: StateDir) -> None:
    with pytest.raises(NotRunningError):
        control.call(state.path, "status", timeout=1.0)
    assert not control.is_running(state.path)


def test_a_socket_that_a_killed_agent_left(state: StateDir) -> None:
    with socket.socket(socket.AF_UNIX) as left, contextlib.chdir(state.path):
        left.bind(SOCKET_FILE)
    assert not control.is_running(state.path)


def test_an_agent_that_ends_while_it_is_asked(state: StateDir) -> None:
    with socket.socket(socket.AF_UNIX) as listener, contextlib.chdir(state.path):
        listener.bind(SOCKET_FILE)
        listener.listen()

        def end_abruptly() -> None:
            connection, _ = listener.accept()
            connection.close()  # unread data makes this a reset

        ending = threading.Thread(target=end_abruptly)
        ending.start()
        with pytest.raises(NotRunningError):
            control.call(state.path, "status", timeout=5.0)
        ending.join()
