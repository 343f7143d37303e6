"""Every page that belongs to no model, with every role: GET and POST."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.template.backends.django import Template

from acl.models import PolicyTrial
from tests.roles.judge import scratch, verdict
from tests.roles.table.models import ABSENT as ABSENT_URLS
from tests.roles.table.pages import LOGGING_OUT, PAGES, Page
from tests.roles.table.people import ABSENT, PERSON, ROLES, may
from tests.roles.walk import METHODS, plain
from tests.roles.world import Caller, World, light_client

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"
SURE = {"confirmed": "yes", "sure": "on", "forced": "yes", "act": "apply"}
REFUSED = (403, 404, 405)


@pytest.fixture(autouse=True)
def _without_markup(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Who may is decided before a page is written out: that is left to other tests."""
    monkeypatch.setattr(Template, "render", lambda self, context=None, request=None: "")
    yield


def expected(row: Page, caller: Caller) -> str:
    """What the caller gets."""
    role = caller.name
    if role in ("anonymous", "disabled"):
        return "404" if row.needs == ABSENT else "login"
    if row.needs == ABSENT:
        return "404"
    if row.needs != PERSON and role == "member":
        return "login"
    return ("moved" if row.moves else "ok") if may(role, row.needs) else "403"


def ask(world: World, caller: Caller, row: Page) -> tuple[str, list[str]]:
    """What a page answers, and the tables that it wrote."""
    with scratch() as writes:
        # Whoever is nobody tries what is somebody's.
        ids = dict(caller.ids or world.callers["owner"].ids)
        if row.given == "trial":
            begun = world.callers["owner"].api("POST", "policy/versions/1/rollback?confirm_within=60")
            assert begun.status_code == 200, begun.content
            ids["trial"] = PolicyTrial.objects.get(ended_at=None).pk
        if row.given == "elsewhere" and caller.user is not None:
            light_client().force_login(caller.user)
        before = len(writes.tables)
        someone = Caller(caller.name, caller.user, caller.cookie, caller.api, ids)
        response = _send(world, someone, row)
        return verdict(response), writes.tables[before:]


def _path(world: World, caller: Caller, row: Page) -> str:
    known = world.ids | caller.ids
    path = "/" + plain(row.route)
    for name in row.ids:
        path = path.replace("{}", str(known.get(name, name)), 1)
    return path


def _send(world: World, caller: Caller, row: Page) -> Any:
    path = _path(world, caller, row)
    query = f"?{world.fill(row.query, caller)}" if row.query else ""
    browser = caller.browser()
    if row.method == "GET":
        return browser.get(path + query)
    if row.json is not None:
        return browser.post(path + query, world.fill(row.json, caller), content_type="application/json")
    shown = getattr(browser.get(path + query), "context_data", None) or {}
    said = {field.name: field.value() for field in shown["form"]} if shown.get("form") is not None else {}
    body = {name: value for name, value in said.items() if value not in (None, "", False)} | row.body
    # A browser sends along which version it showed.
    sent = urlencode(world.fill(body, caller), doseq=True)
    return browser.post(path + query, sent, content_type=FORM)


@pytest.mark.parametrize("name", [*ROLES, "anonymous", "disabled"])
def test_each_role_may_what_the_table_says(world: World, name: str) -> None:
    caller, faults = world.callers[name], []
    for row in PAGES:
        want = expected(row, caller)
        got, written = ask(world, caller, row)
        changes = row.method == "POST" and not row.asks and want == "ok"
        if got != want or bool(written) != changes:
            faults.append(f"{row.method} /{row.route} as {name}: {got} (meant: {want}), writes {written}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("name", ["owner", "auditor"])
def test_methods_without_a_row_do_nothing(world: World, name: str) -> None:
    caller, faults = world.callers[name], []
    known = {(row.method, row.route) for row in (*PAGES, *LOGGING_OUT)}
    for row in {row.route: row for row in (*PAGES, *LOGGING_OUT)}.values():
        with scratch() as writes:
            for method in METHODS:
                if method != "GET" and (method, row.route) not in known:
                    sent = urlencode(world.fill(SURE | row.body, caller), doseq=True)
                    answer = caller.browser().generic(method, _path(world, caller, row), sent, FORM)
                    if writes.tables or answer.status_code not in (*REFUSED, 200, 302):
                        faults.append(f"{method} /{row.route} as {name}: {answer.status_code}, writes {writes.tables}")
    assert not faults, "\n".join(faults)


def test_who_is_let_out(world: World) -> None:
    for row in LOGGING_OUT:
        for name in ("owner", "member"):
            got, _ = ask(world, world.callers[name], row)
            assert got == ("404" if row.needs == ABSENT else "ok"), (row, name)


@pytest.mark.parametrize("name", ROLES)
def test_what_answers_for_any_model_is_not_there(world: World, name: str) -> None:
    for path in ABSENT_URLS:
        response = world.callers[name].browser().get("/" + path.format(**world.ids))
        assert verdict(response) == ("login" if name == "member" else "404"), path


# Another person's things, for whoever asks: not found, and nothing happens to them.
OTHERS = ("account/devices/{own_device}/", "account/devices/{own_device}/delete/", "account/tokens/{api_token}/revoke/")


@pytest.mark.parametrize("name", ["owner", "support", "member"])
def test_what_is_another_s_is_not_found(world: World, name: str) -> None:
    for path in OTHERS:
        address = "/" + path.format(**world.callers["admin"].ids)
        with scratch() as writes:
            browser = world.callers[name].browser()
            assert browser.get(address).status_code == 404, address
            assert browser.post(address, {"name": "mine"}).status_code == 404, address
        assert not writes.tables
