"""The pages of every model, with every role: list, page, forms, verbs, bulk acts, and what is sent past them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.template.backends.django import Template

from tests.roles.judge import scratch, verdict
from tests.roles.table.models import MODELS, Does, Model
from tests.roles.table.people import ABSENT, NOBODY, may
from tests.roles.world import Caller, World, row_of

pytestmark = pytest.mark.django_db
INSIDE = ("owner", "admin", "network_admin", "support", "auditor")
SURE = {"confirmed": "yes", "sure": "on", "forced": "yes"}
ROWS_IN_ROWS = {"routes-TOTAL_FORMS": "1", "routes-INITIAL_FORMS": "0", "routes-0-prefix": "10.0.0.0/8", "name": "x"}
# Lists that are the list of events: they take nothing.
EVENTS = ("nodes.change", "sessions_app.auditentry")


@dataclass(frozen=True, slots=True)
class Step:
    """One request: whoever may not see the model is refused, ``needs`` decides about the others."""

    method: str
    path: str
    needs: str
    body: dict[str, Any] | None = None
    row: Model | None = None
    given: tuple[int, Any] | None = None
    # A POST that changes nothing for anybody.
    asks: bool = False
    moves: bool = False


@pytest.fixture(autouse=True)
def _without_markup(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Who may is decided before a page is written out."""
    monkeypatch.setattr(Template, "render", lambda self, context=None, request=None: "")
    yield


def steps(world: World, row: Model) -> Iterator[Step]:
    """All that can be asked of a model."""
    base, pk = f"/admin/{row.label.replace('.', '/')}/", row_of(world, row.label)
    own = f"{base}{pk}/"
    yield Step("GET", base, row.needs)
    yield Step("GET", f"{own}change/", row.needs)
    adds = row.edit if row.add is not None else row.leads_on or NOBODY
    yield Step("GET", f"{base}add/", adds, moves=bool(row.leads_on))
    if not row.leads_on:
        yield Step("POST", f"{base}add/", adds, dict(row.add or {"name": "x"}))
    body = ROWS_IN_ROWS if row.change is None else dict(row.change)
    yield Step("POST", f"{own}change/", row.edit if row.change is not None else NOBODY, body)
    yield Step("GET", f"{own}do/nothing/", ABSENT)
    past = {"action": "delete_selected", "index": "0", "_selected_action": str(pk), **SURE}
    yield Step("POST", base, row.needs if row.label in EVENTS else NOBODY, past, asks=True)
    if "delete" not in row.verbs:
        yield Step("GET", f"{own}delete/", ABSENT)
        yield Step("POST", f"{own}delete/", ABSENT, SURE)
    for name, verb in row.verbs.items():
        yield from _of_verb(world, row, base, name, verb)
    for name, does in row.does.items():
        yield from _of_page(world, row, base, name, does)
    for name, needs in row.job_acts.items():
        yield Step("POST", base, needs, {"action": name, "index": "0", "_selected_action": str(pk), "gw_all": "1"})


def _of_verb(world: World, row: Model, base: str, name: str, verb: Does) -> Iterator[Step]:
    pk = world.ids[verb.row] if verb.row else row_of(world, row.label)
    given, needs = (pk, verb.given), f"{row.needs}+{verb.needs}"
    for address in (f"{base}{pk}/do/{name}/", *([f"{base}{pk}/delete/"] if name == "delete" else [])):
        yield Step("GET", address, needs, row=row, given=given)
        yield Step("POST", address, needs, {**SURE, **verb.body}, row=row, given=given)
    if verb.bulk or name not in row.job_acts:
        ticked = {"action": name, "index": "0", "_selected_action": str(pk), **SURE, **verb.body}
        yield Step("POST", base, needs if verb.bulk else NOBODY, ticked, row=row, given=given)


def _of_page(world: World, row: Model, base: str, name: str, does: Does) -> Iterator[Step]:
    pk = world.ids[does.row] if does.row else row_of(world, row.label)
    address, given = f"{base}{pk}/change/", (pk, does.given)
    yield Step("GET", address, row.needs, row=row, given=given)
    yield Step("POST", address, f"{row.needs}+{does.needs}", {"do": name, **does.body}, row=row, given=given)


def ask(
    world: World, caller: Caller, row: Model, step: Step, forms: dict[str, dict[str, Any]]
) -> tuple[str, list[str]]:
    """What a step is answered, and the tables that it wrote. ``forms``: what the pages seen so far would send."""
    browser = caller.browser()
    with scratch() as writes:
        if step.given is not None and step.given[1]:
            pk, columns = step.given
            apps.get_model(row.label)._default_manager.filter(pk=pk).update(**columns)
        before = len(writes.tables)
        if step.method == "GET":
            response = browser.get(step.path)
            shown = getattr(response, "context_data", None) or {}
            forms[step.path] = _filled(shown["form"]) if shown.get("form") is not None else {}
            return verdict(response), writes.tables[before:]
        form = {} if "index" in (step.body or {}) else forms[step.path]
        body = form | world.fill(step.body, caller)
        response = browser.post(step.path, body)
        again = getattr(response, "context_data", None) or {}
        if again.get("weighed"):  # what the form says cuts something, and is asked about once more
            response = browser.post(step.path, body | {"weighed": again["weighed"]})
        return verdict(response), writes.tables[before:]


def _filled(form: Any) -> dict[str, Any]:
    """What a browser sends of a form that nobody has touched."""
    return {field.html_name: value for field in form if (value := field.value()) not in (None, "", False)}


@pytest.mark.parametrize("role", INSIDE)
def test_each_role_may_what_the_table_says(world: World, role: str) -> None:
    caller, faults, forms = world.callers[role], [], dict[str, dict[str, Any]]()
    for row in MODELS:
        for step in steps(world, row):
            seen = may(role, row.needs)
            want = "403" if not seen and step.path.split("/")[-2] != "add" else "ok" if may(role, step.needs) else "403"
            if seen and step.needs == ABSENT:
                want = "404"
            changes = step.method == "POST" and want == "ok" and not step.asks
            if step.moves and want == "ok":
                want = "moved"
            got, written = ask(world, caller, row, step, forms)
            if got != want or bool(written) != changes:
                act = (step.body or {}).get("action", (step.body or {}).get("do", ""))  # of the list or the page
                faults.append(f"{step.method} {step.path} {act} as {role}: {got} (meant: {want}), writes {written}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("name", ["member", "anonymous", "disabled"])
def test_who_has_no_pages_is_sent_to_the_login(world: World, name: str) -> None:
    for row in MODELS:
        for step in steps(world, row):
            with scratch() as writes:
                browser = world.callers[name].browser()
                answer = browser.get(step.path) if step.method == "GET" else browser.post(step.path, step.body)
                assert verdict(answer) == "login", step
            assert not writes.tables, step
