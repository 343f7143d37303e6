"""Nothing the portal has is missing from the table, and nothing stands in it that there is not."""

from __future__ import annotations

from typing import Any

from django.apps import apps

from coordinator.jobs.acts import ACTS
from ghostwire_site.edge.metrics import PATH
from ghostwire_site.sockets import ROUTES
from portal.sockets.kinds import EVENT_RIGHTS
from portal.viewer import right_to_see
from sessions_app.models import User
from sessions_app.roles import ALL_CAPABILITIES, CAPABILITIES
from tests.portal.pages import admin_of
from tests.roles.table.agents import IN_FRONT, LEFTOVERS, OPEN
from tests.roles.table.api import CALLS
from tests.roles.table.models import MODELS, WITHOUT_PAGES, Model
from tests.roles.table.pages import LOGGING_OUT, PAGES
from tests.roles.table.people import MATRIX, ROLES, held_by
from tests.roles.table.sockets import EVENTS, SOCKETS
from tests.roles.walk import api_methods, plain, routes

OF_EACH_MODEL = ("", "add/", "<path:object_id>/change/", "<path:object_id>/delete/", "<path:object_id>/do/<slug:name>/")


def test_roles_are_what_is_meant() -> None:
    assert list(ROLES) == list(User.Role.values)
    assert set(MATRIX) == ALL_CAPABILITIES
    assert {role: held_by(role) for role in ROLES} == CAPABILITIES


def test_every_url_has_a_row_and_every_row_a_url() -> None:
    meant = {row.route for row in (*OPEN, *PAGES, *LOGGING_OUT)} | set(LEFTOVERS)
    meant |= {row.base + row.path for row in CALLS}
    meant |= {f"admin/{row.label.replace('.', '/')}/{page}" for row in MODELS for page in OF_EACH_MODEL}
    _compare({plain(route) for route in routes()}, {plain(route) for route in meant}, "tests/roles/table")


def test_every_method_of_the_agents_api_has_a_row() -> None:
    found = {(method, plain(route)) for method, route in api_methods()}
    meant = {(row.method, plain(row.route)) for row in OPEN if row.route.startswith("api/v1/")}
    meant |= {(row.method, plain(row.base + row.path)) for row in CALLS}
    _compare(
        {f"{method} {route}" for method, route in found},
        {f"{method} {route}" for method, route in meant},
        "tests/roles/table/agents.py",
    )


def test_what_takes_input_from_nobody_in_particular_has_a_limit() -> None:
    """But logging out, which takes none."""
    assert [row.route for row in OPEN if row.who == "anyone" and row.method != "GET" and not row.limit] == ["logout/"]


def test_metrics_stand_in_front() -> None:
    assert [f"/{name}" for name in IN_FRONT] == [PATH]


def test_every_socket_and_every_event_has_a_row() -> None:
    _compare(set(ROUTES), set(SOCKETS), "tests/roles/table/sockets.py")
    assert dict(EVENT_RIGHTS) == EVENTS


def test_every_model_has_a_row() -> None:
    found = {
        model._meta.label_lower
        for label in ("nodes", "acl", "sessions_app")
        for model in apps.get_app_config(label).get_models()
    }
    _compare(found, {row.label for row in MODELS} | set(WITHOUT_PAGES), "tests/roles/table/models.py")


def test_every_verb_form_and_right_of_a_model_stands_in_its_row() -> None:
    faults = [fault for row in MODELS for fault in _differences(row)]
    assert not faults, "\n".join(faults)


def _differences(row: Model) -> list[str]:
    model = apps.get_model(row.label)
    admin = admin_of(model)
    forms = (row.add is not None, row.change is not None, row.edit)
    pairs: dict[str, tuple[Any, Any]] = {
        "who may see it": (admin.view_right, row.needs),
        "what links to it take": (right_to_see(row.label), row.needs),
        "forms": ((admin.add_form is not None, admin.edit_form is not None, admin.edit_right), forms),
        "verbs": (
            {verb.name: (verb.right, verb.bulk) for verb in admin.verbs},
            {name: (verb.needs, verb.bulk) for name, verb in row.verbs.items()},
        ),
        # Nothing is written past the services: no rows in rows, no cells in lists, no field that completes by itself.
        "closed": (
            [admin.inlines, admin.list_editable, admin.autocomplete_fields, admin.raw_id_fields],
            [(), (), (), ()],
        ),
    }
    if row.job_acts:
        pairs["jobs"] = ({act.name: act.right for act in ACTS.values()}, dict(row.job_acts))
    return [
        f"{row.label}, {what}: is {found}, meant {meant}" for what, (found, meant) in pairs.items() if found != meant
    ]


def _compare(found: set[str], meant: set[str], table: str) -> None:
    faults = [f"/{name.removeprefix('/')} has no row in {table}" for name in sorted(found - meant)]
    faults += [f"{name} stands in {table}, and there is no such thing" for name in sorted(meant - found)]
    assert not faults, "\n".join(faults)
