"""Joining without an auth key: the code, the wait, what follows, and what is left of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from agent.answers import read_collected, read_waiting
from agent.engine.core import Engine
from agent.engine.phase import Phase
from agent.engine.status import snapshot
from agent.engine.verdict import Step, after_collecting
from agent.errors import PortalUnreachableError
from agent.state import StateDir
from agent.tests.answers import problem
from agent.tests.conftest import MakeEngine, Naps, eventually
from agent.tests.portal import FakePortal
from agent.tests.serving import serving
from mesh.errors import (
    AuthenticationError,
    DatabaseError,
    GhostWireError,
    NotFoundError,
    PermissionDeniedError,
    ThrottledError,
    ValidationError,
)
from mesh.keys import Purpose

CODE = "WDJB-MJHT"
URL = f"https://portal.example/enrol/{CODE}"
WAITING = {"code": CODE, "verification_url": URL, "expires_at": "2026-03-02T12:10:00Z"}
Answer = tuple[int, dict[str, Any], dict[str, str]]


@dataclass
class AskingPortal(FakePortal):
    """One where a person decides. ``decision``: what it answers to those that wait; "approved" lets them in."""

    decision: str = "pending"
    careful: bool = False  # whether a key alone is not enough
    waiting: set[str] = field(default_factory=set)

    def _answer(self, call: str, body: bytes, headers: dict[str, str]) -> Answer:
        if call == f"POST enrolments/{CODE}":
            public_key = self._verify(Purpose.ENROL, body, headers)
            if public_key not in self.waiting or self.decision == "gone":
                return 404, problem("not_found", "No request of this key waits under this code."), {}
            if self.decision != "approved":
                return 200, {"state": self.decision}, {}
            told = json.dumps({"public_key": public_key, "hostname": "web", "auth_key": "gwk_test"}).encode()
            return 200, self._let_in(told)[1], {}
        return super()._answer(call, body, headers)

    def _register(self, body: bytes, headers: dict[str, str]) -> Answer:
        request = json.loads(body)
        if "auth_key" in request and not self.careful:
            return super()._register(body, headers)
        self.waiting.add(self._verify(Purpose.REGISTER, body, headers))
        return 202, {"enrolment": WAITING}, {}

    def _let_in(self, body: bytes) -> Answer:
        verify, self._verify = self._verify, lambda *_: str(json.loads(body)["public_key"])  # type: ignore[method-assign]
        try:
            return super()._register(body, {})
        finally:
            self._verify = verify  # type: ignore[method-assign]


@pytest.fixture
async def portal() -> AsyncIterator[AskingPortal]:
    async with serving(AskingPortal()) as running:
        assert isinstance(running, AskingPortal)
        yield running


@pytest.fixture
def ask(make_engine: MakeEngine) -> Callable[..., Engine]:
    """An engine whose person sits at the terminal."""

    def make(*, auth_key: str | None = None) -> Engine:
        engine = make_engine(auth_key=auth_key)
        engine.membership.may_ask = auth_key is None
        return engine

    return make


async def until(engine: Engine, phase: Phase) -> None:
    await eventually(lambda: engine.standing.phase is phase)


async def test_it_waits_with_the_code_and_no_name(ask: Callable[..., Engine], portal: AskingPortal) -> None:
    engine = ask()
    await until(engine, Phase.NEEDS_APPROVAL)
    await portal.until(lambda: portal.count(f"POST enrolments/{CODE}") >= 2)
    shown = await snapshot(engine)
    assert shown["enrolment"] == WAITING
    assert (shown["node"], shown["peers"]) == (None, [])
    assert CODE in shown["reason"]
    [register] = [what for call, what in portal.calls if call == "POST nodes/register"]
    assert "auth_key" not in register


async def test_approved(ask: Callable[..., Engine], portal: AskingPortal, state: StateDir) -> None:
    engine = ask()
    await until(engine, Phase.NEEDS_APPROVAL)
    portal.decision = "approved"
    await until(engine, Phase.RUNNING)
    assert engine.membership.waiting is None
    account = state.account()
    assert account is not None
    assert account.node["name"] == "web"


async def test_rejected(ask: Callable[..., Engine], portal: AskingPortal, state: StateDir) -> None:
    engine = ask()
    portal.decision = "rejected"
    await until(engine, Phase.NEEDS_LOGIN)
    assert "rejected" in engine.standing.reason
    assert (engine.membership.waiting, state.account()) == (None, None)
    assert portal.count("POST nodes/register") == 1


async def test_over_without_a_decision(ask: Callable[..., Engine], portal: AskingPortal) -> None:
    engine = ask()
    portal.decision = "gone"
    await until(engine, Phase.NEEDS_LOGIN)
    assert "in time" in engine.standing.reason
    assert portal.count("POST nodes/register") == 1


async def test_with_a_key_it_asks_anew_when_its_time_is_over(ask: Callable[..., Engine], portal: AskingPortal) -> None:
    portal.careful, portal.decision = True, "gone"
    engine = ask(auth_key="gwk_test")
    await portal.until(lambda: portal.count("POST nodes/register") >= 2)
    portal.decision = "approved"
    await until(engine, Phase.RUNNING)


async def test_it_asks_more_and_more_rarely(ask: Callable[..., Engine], portal: AskingPortal, naps: Naps) -> None:
    ask()
    await portal.until(lambda: portal.count(f"POST enrolments/{CODE}") >= 9)
    pauses = [round(seconds + 1e-9, 2) for seconds in naps.asked if seconds >= 2.5]
    assert pauses[:3] == [2.5, 3.25, 4.23]
    assert max(pauses) == 12.5


async def test_a_portal_that_does_not_answer_is_asked_again(ask: Callable[..., Engine], portal: AskingPortal) -> None:
    portal.answers[f"POST enrolments/{CODE}"] = [
        (503, problem("database", "later"), {"retry-after": "7"}),
        (429, problem("throttled", "slowly"), {"retry-after": "30"}),
    ]
    engine = ask()
    await portal.until(lambda: portal.count(f"POST enrolments/{CODE}") >= 3)
    assert engine.standing.phase is Phase.NEEDS_APPROVAL


async def test_who_gives_up_leaves_nothing(ask: Callable[..., Engine], portal: AskingPortal, state: StateDir) -> None:
    engine = ask()
    await until(engine, Phase.NEEDS_APPROVAL)
    engine.stop_waiting()
    await until(engine, Phase.NEEDS_LOGIN)
    asked = portal.count(f"POST enrolments/{CODE}")
    assert (engine.membership.waiting, engine.worker.tunnel, state.account()) == (None, None, None)
    assert portal.count(f"POST enrolments/{CODE}") == asked
    assert portal.count("POST nodes/register") == 1


async def test_another_up_goes_on_waiting(ask: Callable[..., Engine], portal: AskingPortal) -> None:
    engine = ask()
    await until(engine, Phase.NEEDS_APPROVAL)
    engine.login(None, may_ask=True)
    engine.login(None)
    await portal.until(lambda: portal.count(f"POST enrolments/{CODE}") >= 3)
    assert engine.standing.phase is Phase.NEEDS_APPROVAL
    assert portal.count("POST nodes/register") == 1


async def test_a_key_given_meanwhile_is_used(ask: Callable[..., Engine], portal: AskingPortal) -> None:
    engine = ask()
    await until(engine, Phase.NEEDS_APPROVAL)
    engine.login("gwk_test")
    await until(engine, Phase.RUNNING)
    assert engine.membership.waiting is None


@pytest.mark.parametrize(
    ("error", "step"),
    [
        (NotFoundError("x"), Step.REGISTER),
        (AuthenticationError("x"), Step.LOGIN),
        (PermissionDeniedError("x"), Step.LOGIN),
        (ValidationError("x"), Step.LOGIN),
        (ThrottledError("x", retry_after=9), Step.AGAIN),
        (DatabaseError("x"), Step.AGAIN),
        (PortalUnreachableError("x"), Step.AGAIN),
    ],
)
def test_each_refusal_of_the_question(error: GhostWireError, step: Step) -> None:
    assert after_collecting(error).step is step


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"enrolment": WAITING | {"code": "../session"}},
        {"enrolment": WAITING | {"code": ""}},
        {"enrolment": WAITING | {"code": "A" * 100}},
        {"enrolment": WAITING | {"verification_url": "javascript:alert(1)"}},
        {"enrolment": WAITING | {"verification_url": "https://x/\x1b[2J"}},
        {"enrolment": WAITING | {"expires_at": "soon"}},
    ],
)
def test_an_answer_that_is_none(value: Any) -> None:
    with pytest.raises(PortalUnreachableError):
        read_waiting(value)


@pytest.mark.parametrize("value", [None, [], {}, {"state": "approved"}, {"state": 7}])
def test_a_decision_that_is_none(value: Any) -> None:
    with pytest.raises(PortalUnreachableError):
        read_collected(value)
