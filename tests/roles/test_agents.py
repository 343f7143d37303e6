"""Calls that answer to machines and to nobody in particular: whom they refuse, and what keeps others from flooding."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from django.test import Client

from coordinator import limits
from mesh.keys import encode_key, public_key_of
from tests.front import call_front, is_in_front
from tests.roles.judge import scratch, verdict
from tests.roles.table.agents import AGENT, ANYONE, OPEN, Open
from tests.roles.world import Caller, World, light_client

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"
KEY = encode_key(public_key_of(b"\x07" * 32))
# What those who need no login are sent: nothing of it opens anything.
SENT: dict[str, dict[str, str]] = {
    "api/v1/nodes/register": {"public_key": KEY, "hostname": "web", "auth_key": "gwk_" + "A" * 43},
    "login/": {"username": "owner@example.com", "password": "wrong"},
    "admin/login/": {"username": "owner@example.com", "password": "wrong"},
    "welcome/": {"token": "gwp_" + "A" * 43},
}


def call(row: Open, browser: Client, token: str = "") -> Any:
    """The answer to whoever has this browser and this token."""
    path = "/" + (row.path or row.route)
    fields = {"Authorization": f"Bearer {token}"} if token else {}
    if is_in_front(row.method, path):
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
        given = {**fields, "Content-Type": "application/json"} | ({"Cookie": cookies} if cookies else {})
        return call_front(row.method, path, b"{}", headers=given)
    if not row.route.startswith("api/"):
        return browser.generic(row.method, path, urlencode(SENT.get(row.route, {})), FORM, headers=fields)
    sent = b"" if row.method in ("GET", "DELETE") else orjson.dumps(SENT.get(row.route, {"public_key": KEY}))
    return browser.generic(row.method, path, sent, "application/json", headers=fields)


@pytest.mark.parametrize("who", ["nobody", "unknown", "api token", "browser"])
def test_calls_of_machines_take_the_session_of_a_machine_alone(world: World, who: str) -> None:
    owner = world.callers["owner"]
    token = {"unknown": "gws_" + "A" * 43, "api token": owner.api.token or ""}.get(who, "")
    caller = owner if who == "browser" else Caller("nobody")
    rows = [row for row in OPEN if row.who == AGENT]
    assert rows
    for row in rows:
        with scratch() as writes:
            answer = call(row, caller.browser(), token)
            assert (answer.status_code, answer.json()["code"]) == (401, "authentication"), row
            assert writes.tables == [], row


def test_the_session_of_a_machine_opens_the_calls_of_machines(world: World) -> None:
    for row in OPEN:
        if row.who == AGENT:
            with scratch():
                answer = call(row, light_client(raises=False), world.sample.machine.token or "")
                # A new key is proved besides: that there is no proof is said once the session is known.
                if row.route == "api/v1/key/rotate":
                    assert answer.json()["detail"] == "The auth key or the proof is not valid."
                else:
                    assert answer.status_code not in (401, 403), (row, answer.content)


@pytest.mark.parametrize("who", ["anonymous", "member", "disabled"])
def test_calls_of_anyone_ask_for_no_login(world: World, who: str) -> None:
    rows = [row for row in OPEN if row.who == ANYONE]
    assert rows
    for row in rows:
        with scratch():
            answer = call(row, world.callers[who].browser())
            assert verdict(answer) not in ("403", "login") or row.route == "logout/", (row, answer.content)


def test_what_has_a_limit_asks_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    store = limits.MemoryLimits()
    take = store.take

    def note(key: str, limit: limits.Limit, now: float) -> float:
        asked.append(limit.name)
        return take(key, limit, now)

    monkeypatch.setattr(store, "take", note)
    monkeypatch.setattr(limits, "limit_store", lambda: store)
    for row in OPEN:
        asked.clear()
        with scratch():
            call(row, light_client(raises=False))
        assert row.limit in asked if row.limit else not asked, (row, asked)
