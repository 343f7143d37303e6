"""A node's key gives way to another: when the map says so, and whatever is lost on the way."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.engine.core import Engine
from agent.engine.phase import Phase
from agent.state import KEY_FILE, NEXT_KEY_FILE, StateDir
from agent.tests.answers import empty_map, problem, stamp
from agent.tests.conftest import FrozenClock, MakeEngine, eventually
from agent.tests.portal import FakePortal
from agent.tests.rotating import PAST, RotatingPortal
from agent.tests.serving import serving
from mesh.keys import (
    decode_private_key,
    encode_key,
    public_key_of,
)


@pytest.fixture
async def portal() -> AsyncIterator[RotatingPortal]:
    async with serving(RotatingPortal()) as running:
        assert isinstance(running, RotatingPortal)
        yield running


def on_disk(state: StateDir, name: str) -> str | None:
    path = state.path / name
    return encode_key(public_key_of(decode_private_key(path.read_text().strip()))) if path.exists() else None


async def up(engine: Engine, portal: FakePortal) -> str:
    """The engine's key, once it runs."""
    await portal.until(lambda: portal.count("frame ack") >= 1)
    await eventually(lambda: engine.standing.phase is Phase.RUNNING)
    return engine.public_key


async def test_it_rotates_when_the_map_says_so_and_keeps_running(
    make_engine: MakeEngine, portal: RotatingPortal, state: StateDir
) -> None:
    engine = make_engine()
    former = await up(engine, portal)
    portal.ask()
    await eventually(lambda: engine.public_key != former)
    await eventually(lambda: engine.maps.applied == (1, 3))
    assert on_disk(state, KEY_FILE) == engine.public_key == portal.netmaps[1]["node_key"]
    assert on_disk(state, NEXT_KEY_FILE) is None
    assert engine.worker.tunnel is not None
    assert encode_key(public_key_of(engine.worker.tunnel.config.private_key)) == engine.public_key
    assert "change the private key" in engine.worker.tunnel.backend.acts  # type: ignore[attr-defined]
    assert portal.count("POST key/rotate") == 1
    assert len(portal.sockets) == 1


@pytest.mark.parametrize("at", [None, stamp(datetime(2199, 1, 1, tzinfo=UTC))])
async def test_before_its_time_it_does_not_rotate(
    make_engine: MakeEngine, portal: RotatingPortal, at: str | None
) -> None:
    engine = make_engine()
    await up(engine, portal)
    portal.ask(at)
    beats = portal.count("frame heartbeat")
    await portal.until(lambda: portal.count("frame heartbeat") > beats + 3)
    assert portal.count("POST key/rotate") == 0


async def test_a_key_past_its_end_is_not_rotated(
    make_engine: MakeEngine, portal: RotatingPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = portal.ack
    monkeypatch.setattr(portal, "ack", lambda node: told(node) | {"key_expires_at": PAST})
    engine = make_engine()
    await up(engine, portal)
    portal.ask()
    beats = portal.count("frame heartbeat")
    await portal.until(lambda: portal.count("frame heartbeat") > beats + 3)
    assert portal.count("POST key/rotate") == 0


async def test_where_the_answer_is_lost_the_map_tells(
    make_engine: MakeEngine, portal: RotatingPortal, state: StateDir
) -> None:
    portal.silent = True
    engine = make_engine()
    former = await up(engine, portal)
    portal.ask()
    await eventually(lambda: engine.maps.applied == (1, 3))
    assert engine.public_key == portal.netmaps[1]["node_key"] != former
    assert on_disk(state, KEY_FILE) == engine.public_key
    assert portal.count("POST key/rotate") == 1


async def test_where_answer_and_map_are_lost_it_asks_again_with_the_same_key(
    make_engine: MakeEngine, portal: RotatingPortal, clock: FrozenClock
) -> None:
    portal.answers["POST key/rotate"] = [(502, {}, {})]
    engine = make_engine()
    former = await up(engine, portal)
    portal.ask()
    await portal.until(lambda: portal.count("POST key/rotate") == 1)
    beats = portal.count("frame heartbeat")
    await portal.until(lambda: portal.count("frame heartbeat") > beats + 3)
    assert portal.count("POST key/rotate") == 1  # not at once
    clock.pass_seconds(60)
    await eventually(lambda: engine.public_key != former)
    asked = [body["public_key"] for call, body in portal.calls if call == "POST key/rotate"]
    assert asked == [engine.public_key] * 2


async def test_a_crash_before_the_portal_was_asked_leaves_the_node_as_it_was(
    make_engine: MakeEngine, portal: RotatingPortal, state: StateDir
) -> None:
    state.begin_rotation()
    engine = make_engine()
    await up(engine, portal)
    assert engine.public_key == on_disk(state, KEY_FILE) == portal.netmaps[1]["node_key"]


async def test_after_a_crash_with_a_session_the_map_tells_which_key_counts(
    make_engine: MakeEngine, portal: RotatingPortal, state: StateDir
) -> None:
    await up(make_engine(), portal)
    following = encode_key(public_key_of(state.begin_rotation()))
    portal.rotate(1, following)
    engine = make_engine()
    await eventually(lambda: engine.maps.applied == (1, 2))
    assert engine.public_key == following == on_disk(state, KEY_FILE)
    assert on_disk(state, NEXT_KEY_FILE) is None


async def test_after_a_crash_without_a_session_the_proof_tells_which_key_counts(
    make_engine: MakeEngine, portal: RotatingPortal, state: StateDir
) -> None:
    await up(make_engine(), portal)
    following = encode_key(public_key_of(state.begin_rotation()))
    portal.tells = False
    portal.rotate(1, following)
    portal.netmaps[1] = empty_map(following, 1, version=2)
    portal.tokens.clear()
    engine = make_engine()
    await eventually(lambda: engine.maps.applied == (1, 2))
    assert engine.public_key == following == on_disk(state, KEY_FILE)
    assert portal.count("POST nodes/register") == 1


async def lose_answer_and_session(make_engine: MakeEngine, portal: RotatingPortal, state: StateDir) -> str:
    """The portal took another key, which the agent never heard; that key. Its session is over as well."""
    await up(make_engine(), portal)
    following = encode_key(public_key_of(state.begin_rotation()))
    portal.tells = False
    portal.rotate(1, following)
    portal.netmaps[1] = empty_map(following, 1, version=2)
    portal.tokens.clear()
    return following


async def test_logging_in_again_after_a_lost_answer_brings_the_same_node_back(
    make_engine: MakeEngine, portal: RotatingPortal, state: StateDir
) -> None:
    following = await lose_answer_and_session(make_engine, portal, state)
    portal.session_refusal = (401, "log in again")
    engine = make_engine()
    await eventually(lambda: engine.maps.applied == (1, 2))
    assert (on_disk(state, KEY_FILE), portal.known) == (following, {following: 1})


async def test_a_node_that_is_shut_out_after_a_lost_answer_knows_its_key(
    make_engine: MakeEngine, portal: RotatingPortal, state: StateDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = await lose_answer_and_session(make_engine, portal, state)
    answer = portal._session

    def refuse(body: bytes, headers: dict[str, str]) -> Any:
        known = json.loads(body)["public_key"] == following
        return (403, problem("permission", "This node is expired."), {}) if known else answer(body, headers)

    monkeypatch.setattr(portal, "_session", refuse)
    engine = make_engine(auth_key=None)
    await eventually(lambda: engine.standing.phase is Phase.SHUT_OUT)
    assert engine.public_key == following == on_disk(state, KEY_FILE)


async def test_a_refused_login_outside_a_rotation_makes_no_other_key(
    make_engine: MakeEngine, portal: RotatingPortal, state: StateDir
) -> None:
    portal.answers["POST nodes/register"] = [(403, problem("permission", "This key was retired."), {})]
    engine = make_engine()
    await eventually(lambda: engine.standing.phase is Phase.NEEDS_LOGIN)
    assert (portal.count("POST nodes/register"), on_disk(state, NEXT_KEY_FILE)) == (1, None)


@pytest.mark.parametrize(("status", "code"), [(409, "conflict"), (403, "permission")])
async def test_a_key_that_the_portal_does_not_take_gives_way_to_another(
    make_engine: MakeEngine, portal: RotatingPortal, clock: FrozenClock, status: int, code: str
) -> None:
    portal.answers["POST key/rotate"] = [(status, problem(code, "not this one"), {})]
    engine = make_engine()
    former = await up(engine, portal)
    portal.ask()
    await portal.until(lambda: portal.count("GET netmap") == 1)
    await eventually(lambda: engine.rotation.next_key is None)
    assert engine.public_key == former
    clock.pass_seconds(60)
    await eventually(lambda: engine.public_key != former)
    first, second = [body["public_key"] for call, body in portal.calls if call == "POST key/rotate"]
    assert first != second == engine.public_key


async def test_a_refused_session_is_renewed_and_the_rotation_goes_on(
    make_engine: MakeEngine, portal: RotatingPortal, clock: FrozenClock
) -> None:
    portal.answers["POST key/rotate"] = [(401, problem("authentication", "no"), {})]
    engine = make_engine()
    former = await up(engine, portal)
    portal.ask()
    await portal.until(lambda: portal.count("POST session") == 1)
    clock.pass_seconds(60)
    await eventually(lambda: engine.public_key != former)
    assert portal.count("POST nodes/register") == 1


async def test_both_keys_are_for_their_owner_alone(state: StateDir) -> None:
    state.private_key()
    state.begin_rotation()
    assert {(state.path / name).stat().st_mode & 0o777 for name in (KEY_FILE, NEXT_KEY_FILE)} == {0o600}
