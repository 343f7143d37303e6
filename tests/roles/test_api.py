"""Every method of every call of the administration API, with every role, and with tokens that may less."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from sessions_app.models import AuditEntry
from sessions_app.services.api_tokens import create_api_token
from tests.admin_api.api import Api, refusal
from tests.fixtures import START, random32
from tests.roles.judge import scratch
from tests.roles.table.api import BASE, CALLS, Call
from tests.roles.table.people import MATRIX, OWN, ROLES, held_by
from tests.roles.walk import METHODS, api_methods, plain
from tests.roles.world import Caller, World, light_client

pytestmark = pytest.mark.django_db
CODES = {401: "authentication", 403: "permission", 404: "not_found"}


def expected(row: Call, held: Iterable[str]) -> str:
    """What whoever holds these capabilities gets."""
    held = set(held)
    if row.knows not in held and not (row.own and OWN in held):
        return "404"
    if row.knows not in held:
        return {"list": "ok", "object": "404", "refused": "403"}[row.own]
    return "ok" if row.needs in held else "403"


def ask(world: World, caller: Caller, row: Call, api: Api | None = None) -> tuple[str, list[str]]:
    """What a call is answered, and the tables that it wrote."""
    api = api or caller.api
    with scratch() as first:
        if row.first is not None:
            method, path, *body = row.first
            made = world.callers["owner"].api(method, world.fill(path, caller), *body)
            assert made.status_code in (200, 201), (row, made.content)
        before = len(first.tables)
        response = api(row.method, address(world, caller, row), body_of(world, caller, row))
        written = first.tables[before:]
    if response.status_code in (200, 201, 204):
        return "ok", written
    status, code = refusal(response)
    assert CODES.get(status) == code, (row, response.content)
    return str(status), written


def address(world: World, caller: Caller, row: Call) -> str:
    return f"/{row.base}{row.path.format(**(world.ids | caller.ids))}" + (f"?{row.query}" if row.query else "")


def body_of(world: World, caller: Caller, row: Call) -> Any:
    if row.path == "acl/rules/order":
        return {"order": [rule.pk for rule in world.network.acl_rules.order_by("-position")]}
    return world.fill(row.body, caller)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_what_the_table_says(world: World, role: str) -> None:
    caller, faults = world.callers[role], []
    for row in CALLS:
        want = expected(row, held_by(role) | {OWN})
        got, written = ask(world, caller, row)
        changes = row.method != "GET" and not row.asks
        if got != want or bool(written) != (changes and want == "ok"):
            faults.append(f"{row.method} {row.base}{row.path} as {role}: {got} (meant: {want}), writes {written}")
    assert not faults, "\n".join(faults)


def test_a_token_opens_what_its_scopes_name_and_nothing_else(world: World) -> None:
    owner, faults = world.callers["owner"], []
    every = [*MATRIX, OWN]
    tokens: dict[Any, Api] = {name: _token(owner, [item for item in every if item not in name]) for name in _without()}
    tokens |= {name: _token(owner, name.split("+")) for name in {f"{row.knows}+{row.needs}" for row in CALLS}}
    for row in CALLS:
        lacks = (row.needs, OWN) if row.needs != OWN else (OWN,)
        want = expected(row, set(every) - set(lacks))
        cases = [(tokens[lacks], want)]
        if row.method == "GET":  # that a right suffices for a change, the roles have shown
            cases.append((tokens[f"{row.knows}+{row.needs}"], "ok"))
        for api, meant in cases:
            got, written = ask(world, owner, row, api)
            if got != meant or written:
                faults.append(f"{row.method} {row.path} without {lacks}: {got} (meant: {meant}), writes {written}")
    assert not faults, "\n".join(faults)


# What a row of a list says of which device it is.
DEVICE = {"nodes": "id", "sessions": "node"}


@pytest.mark.parametrize("role", ["owner", "support", "member"])
def test_who_knows_of_no_others_gets_what_is_the_own(world: World, role: str) -> None:
    """Members by their role, others with a token that lacks what the call takes and keeps what is their own."""
    caller, every = world.callers[role], held_by(role) | {OWN}
    for row in (row for row in CALLS if row.own):
        for lacks in ({row.needs}, {row.knows, row.needs}):
            narrow = _token(caller, sorted(every - lacks))
            assert ask(world, caller, row, narrow) == (expected(row, every - lacks), []), (row, lacks)
        if row.own == "list":
            found = narrow.get(row.path)["results"]
            assert [item[DEVICE[row.path]] for item in found] == [caller.ids["own_device"]], row


@pytest.mark.parametrize("who", ["anonymous", "agent", "unknown", "disabled", "revoked"])
def test_without_a_token_that_is_valid_nothing_is_told(world: World, who: str) -> None:
    caller, owner = world.callers["owner"], world.callers["owner"]
    with scratch() as writes:
        made: dict[str, Any] = {
            "anonymous": Api,
            "agent": lambda: Api(world.sample.machine.token),
            "unknown": lambda: Api("gwa_" + "A" * 43),
            "disabled": lambda: world.callers["disabled"].api,
            "revoked": lambda: _revoked(owner),
        }
        api = made[who]()
        before = len(writes.tables)
        for row in CALLS:
            response = api(row.method, address(world, caller, row), body_of(world, caller, row))
            assert refusal(response) == (401, "authentication"), row
            assert response["WWW-Authenticate"] == "Bearer"
        assert writes.tables[before:] == []


def test_methods_without_a_row_are_no_methods(world: World) -> None:
    owner, known = world.callers["owner"], {(row.method, plain(row.base + row.path)) for row in CALLS}
    for row in {plain(row.base + row.path): row for row in CALLS}.values():
        for method in METHODS:
            if (method, plain(row.base + row.path)) not in known:
                response = owner.api(method, address(world, owner, row).split("?")[0], {})
                assert response.status_code == 405, (method, row.path)
                assert method not in response["Allow"]


def test_every_call_has_a_row_and_every_row_a_call() -> None:
    found = {(method, plain(route)) for method, route in api_methods() if route.startswith((BASE, "api/v1/me"))}
    meant = {(row.method, plain(row.base + row.path)) for row in CALLS}
    without = "\n".join(f"{method} /{route} has no row in tests/roles/table/api.py" for method, route in found - meant)
    assert not without, without
    assert not meant - found, f"Rows of calls that there are not: {sorted(meant - found)}"


# What is another's is not found, whoever asks, and that somebody tried to change it is kept.
OTHERS = (
    ("DELETE", "/api/v1/me/devices/{own_device}"),
    ("PATCH", "/api/v1/me/devices/{own_device}"),
    ("POST", "/api/v1/me/devices/{own_device}/expire"),
    ("DELETE", "/api/v1/me/sessions/{own_session}"),
    ("DELETE", "/api/v1/me/api-tokens/{api_token}"),
    ("POST", "/api/v1/admin/api-tokens/{api_token}/revoke"),
)


@pytest.mark.parametrize("role", ["owner", "support", "member"])
def test_what_is_another_s_is_not_found(world: World, role: str) -> None:
    caller, other = world.callers[role], world.callers["admin"]
    for method, path in OTHERS:
        with scratch() as writes:
            response = caller.api(method, path.format(**other.ids), {"name": "mine"} if method == "PATCH" else None)
            assert refusal(response) == (404, "not_found"), path
            kept = AuditEntry.objects.get(kind="denied")
            assert (kept.actor, kept.facts["method"]) == (f"user:{caller.api.user.pk}", method)  # type: ignore[union-attr]
        assert not writes.tables
        assert caller.api("GET", path.format(**other.ids)).status_code in (404, 405)


def test_refused_changes_are_kept_and_reads_are_not(world: World) -> None:
    """Also what is not found because the role may not know of it; but not what there is not."""
    member, owner = world.callers["member"].api, world.callers["owner"].api
    with scratch():
        member("GET", "users/1")
        member("POST", "acl/rules", {"sources": ["*"], "destinations": ["*"]})
        member("POST", f"nodes/{world.ids['node']}/disable")
        owner("DELETE", "nodes/999999")
        kept = AuditEntry.objects.filter(kind="denied").order_by("pk")
        paths = ["/api/v1/admin/acl/rules", f"/api/v1/admin/nodes/{world.ids['node']}/disable"]
        assert [entry.facts["path"] for entry in kept] == paths
        assert {entry.facts["login"] for entry in kept} == {"member@example.com"}


def _without() -> set[tuple[str, ...]]:
    return {(row.needs, OWN) if row.needs != OWN else (OWN,) for row in CALLS}


def _token(owner: Caller, scopes: list[str]) -> Api:
    assert owner.user is not None
    made = create_api_token(
        user_id=owner.user.pk, name="x", now=START, random32=random32(), scopes=list(dict.fromkeys(scopes))
    )
    return Api(made.secret, owner.user, made.api_token, light_client(raises=False))


def _revoked(owner: Caller) -> Api:
    api = _token(owner, [OWN])
    assert api.api_token is not None
    type(api.api_token).objects.filter(pk=api.api_token.pk).update(revoked_at=START)
    return api
