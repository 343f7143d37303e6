"""What ``status --json`` shows keeps to its schema, in every phase."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

import agent
from agent.engine.phase import Phase, Standing
from agent.engine.status import snapshot
from agent.tests.answers import empty_map
from agent.tests.conftest import FrozenClock, MakeEngine, eventually
from agent.tests.portal import FakePortal
from agent.tests.test_netmap import peer

SCHEMA = json.loads((Path(agent.__file__).parent / "schemas" / "status-v1.json").read_text(encoding="utf-8"))


def check(answer: dict[str, Any]) -> None:
    jsonschema.validate(json.loads(json.dumps(answer)), SCHEMA)


async def test_without_a_login(make_engine: MakeEngine) -> None:
    engine = make_engine(auth_key=None)
    await eventually(lambda: engine.standing.phase is Phase.NEEDS_LOGIN)
    answer = await snapshot(engine)
    check(answer)
    assert (answer["node"], answer["map"], answer["peers"]) == (None, None, [])


async def test_with_peers(make_engine: MakeEngine, portal: FakePortal, clock: FrozenClock) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    good, soon = "2026-03-02T00:00:00Z", "2026-03-01T12:00:10Z"
    peers = [peer(2, key_expires_at=good), peer(3, user=None, tags=["tag:ci"], key_expires_at=soon)]
    profiles = {"1": {"display_name": "Ana", "login_name": "ana", "picture_url": ""}}
    portal.push(empty_map(engine.public_key, 1, version=2, peers=peers, user_profiles=profiles))
    await portal.until(lambda: portal.count("frame ack") == 2)
    clock.pass_seconds(11)
    await eventually(lambda: len(engine.worker.tunnel.in_force) == 1 if engine.worker.tunnel else False)
    answer = await snapshot(engine)
    check(answer)
    first, second = answer["peers"]
    assert (first["fqdn"], first["owner"], first["expired"]) == ("peer2.test.ghost", "ana", False)
    assert (second["owner"], second["tags"], second["expired"]) == (None, ["tag:ci"], True)


async def test_no_secret_is_shown(make_engine: MakeEngine, portal: FakePortal) -> None:
    engine = make_engine()
    await portal.until(lambda: portal.count("frame ack") == 1)
    shown = json.dumps(await snapshot(engine))
    assert "gws_" not in shown
    assert "gwk_" not in shown


async def test_where_it_stood_before_does_not_answer_an_up() -> None:
    standing = Standing()
    standing.ask()
    standing.move(Phase.NEEDS_LOGIN)  # said by what was just ending
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await standing.settled()
    standing.begin()
    standing.move(Phase.RUNNING)
    await standing.settled()
