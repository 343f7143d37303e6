"""Each page about the policy, with each role: y may, n may not (403)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from acl.models import PolicyTest, PolicyTrial
from acl.services.assertions import create_test
from mesh.change import Cause
from nodes.models import Network
from portal.policy.urls import pages
from sessions_app.models import User
from tests.factories import NOW

pytestmark = pytest.mark.django_db

ROLES = ("owner", "admin", "network_admin", "support", "auditor")
VIEW, EDIT = "yyyny", "yyynn"
# Method, name, role by role.
TABLE = (
    ("GET", "access/tests/", VIEW),
    ("GET", "access/tests/add/", EDIT),
    ("GET", "access/tests/<int:pk>/", EDIT),
    ("GET", "access/tests/<int:pk>/delete/", EDIT),
    ("GET", "access/file/", VIEW),
    ("POST", "access/file/", EDIT),
    ("POST", "access/file/state/", VIEW),
    ("GET", "access/file/download/", VIEW),
    ("GET", "access/history/", VIEW),
    ("GET", "access/history/<int:number>/", VIEW),
    ("GET", "access/history/<int:number>/effect/", VIEW),
    ("GET", "access/history/<int:number>/document/", VIEW),
    ("GET", "access/history/<int:number>/restore/", EDIT),
    ("POST", "access/trial/<int:pk>/confirm/", EDIT),
    ("POST", "access/trial/<int:pk>/revert/", EDIT),
)


def test_every_page_has_a_row() -> None:
    assert {path for _, path, _ in TABLE} == {str(url.pattern) for url in pages(lambda view: view)}


@pytest.fixture
def stored(policy: Network) -> PolicyTest:
    fields = {"source": "user:mara", "accept": ["tag:db:22"]}
    return create_test(network_id=policy.pk, fields=fields, cause=Cause.command(), now=NOW)


@pytest.fixture
def addresses(stored: PolicyTest, trial: PolicyTrial) -> dict[str, str]:
    known: dict[str, Any] = {"access/tests/": stored.pk, "access/trial/": trial.pk}
    found = {}
    for _, path, _ in TABLE:
        pk = next((value for prefix, value in known.items() if path.startswith(prefix)), 0)
        found[path] = "/admin/" + path.replace("<int:pk>", str(pk)).replace("<int:number>", "1")
    return found


@pytest.mark.parametrize(("role", "place"), [(role, place) for place, role in enumerate(ROLES)])
def test_each_role_may_what_the_table_says(
    as_role: Callable[[str], Client], addresses: dict[str, str], role: str, place: int
) -> None:
    client = as_role(role)
    found = {}
    for method, path, _ in TABLE:
        status = client.generic(method, addresses[path]).status_code
        found[method, path] = "n" if status == 403 else "y" if status < 400 else str(status)
    assert found == {(method, path): who[place] for method, path, who in TABLE}


def test_members_and_strangers_are_sent_away(as_role: Callable[[str], Client], addresses: dict[str, str]) -> None:
    for client in (as_role(User.Role.MEMBER), Client()):
        for method, path, _ in TABLE:
            answer = client.generic(method, addresses[path])
            assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/admin/login/"), path


def test_what_is_not_there_is_not_found(client: Client, policy: Network) -> None:
    for path in ("tests/999/", "tests/999/delete/", "history/999/", "history/999/restore/", "history/1/?to=999"):
        assert client.get(f"/admin/access/{path}").status_code == 404, path
    assert client.post("/admin/access/trial/999/confirm/").status_code == 404
    assert client.get("/admin/access/file/?network=elsewhere").status_code == 404
