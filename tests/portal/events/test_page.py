"""The page of events: what was refused, by whom, and who may see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import AsyncClient, Client

from sessions_app.models import AuditEntry, User
from sessions_app.roles import CAPABILITIES
from tests import factories as make
from tests.portal.pages import read, text_of

pytestmark = pytest.mark.django_db
PASSWORD = "correct-horse-battery"
PAGE = "/admin/nodes/change/"


@pytest.mark.parametrize("role", [role for role in User.Role.values if role != User.Role.MEMBER])
@pytest.mark.parametrize(
    "path", [PAGE, f"{PAGE}export/csv/", f"{PAGE}export/jsonl/", "/admin/sessions_app/auditentry/"]
)
def test_who_may_see(as_role: Callable[[str], Client], role: str, path: str) -> None:
    expected = 200 if "changes.view" in CAPABILITIES[role] else 403
    assert as_role(role).get(path).status_code == expected


def test_logins_and_refusals_are_told(client: Client, owner: User) -> None:
    make.UserFactory(username="ana", password=PASSWORD, display_name="Ana")
    visitor = Client()
    visitor.post("/login/", {"username": "ana", "password": "x"})
    visitor.post("/login/", {"username": "no such person", "password": "x"})
    visitor.post("/login/", {"username": "ana", "password": PASSWORD})
    visitor.post("/logout/")
    said = text_of(client.get(PAGE, {"kind": "access"}))
    for words in (
        "A login as Ana was refused",
        "A login as nobody known was refused",
        "Ana logged in",
        "Ana logged out",
    ):
        assert words in said
    assert "no such person" not in str(list(AuditEntry.objects.values_list("facts", flat=True)))


def test_denied_write_is_kept_and_denied_read_is_not(as_role: Callable[[str], Client]) -> None:
    auditor, node = as_role(User.Role.AUDITOR), make.NodeFactory()
    address = f"/admin/nodes/node/{node.pk}/do/disable/"
    auditor.get(address)
    auditor.post(address, {"confirmed": "yes"})
    entry = AuditEntry.objects.get(kind="denied")
    assert (entry.facts["method"], entry.facts["path"]) == ("POST", address)


def test_forged_form_is_kept(network: Any) -> None:
    Client(enforce_csrf_checks=True).post("/login/", {"username": "x"})
    entry = AuditEntry.objects.get(kind="denied")
    assert (entry.actor, entry.facts["reason"], entry.facts["path"]) == ("anonymous", "forged", "/login/")


@pytest.mark.parametrize(
    "query", [{"node": "nobody"}, {"by": "nobody"}, {"since": "x"}, {"network": "x"}, {"q": "\x00"}, {"kind": "x"}]
)
def test_nonsense_is_said(client: Client, query: dict[str, str]) -> None:
    assert client.get(PAGE, query).status_code == 200
    assert client.get(PAGE, {"after": "x"}).status_code == 404


def test_pages_follow_each_other(client: Client, network: Any) -> None:
    for version in range(1, 80):
        make.ChangeFactory(network=network, version=version, kind="network", facts={"network": {}})
    first = client.get(PAGE, {"kind": "map"})
    second = client.get(PAGE + first.context["next_url"])
    assert [len(page.context["events"]) for page in (first, second)] == [50, 29]
    assert second.context["next_url"] == ""


def test_change_page_says_before_after_and_delivery(client: Client, network: Any) -> None:
    make.ChangeFactory(network=network, version=1, kind="network", facts={"network": {"name": "main"}})
    change = make.ChangeFactory(network=network, version=2, kind="network", facts={"network": {"name": "other"}})
    said = text_of(client.get(f"{PAGE}{change.pk}/change/"))
    for words in ("Before and after", "main", "other", "Delivery"):
        assert words in said


def test_nodes_that_went_together_are_called_what_they_were(client: Client, network: Any) -> None:
    here = make.NodeFactory(network=network, name="here")
    make.ChangeFactory(network=network, version=1, kind="presence", facts={"offline": [10**6, here.pk]})
    facts = {"nodes": [], "removed": [10**6, 10**6 + 1], "names": {f"{10**6}": "<one>", f"{10**6 + 1}": "two"}}
    change = make.ChangeFactory(network=network, version=2, kind="nodes", facts=facts)
    one, two = (f'<span class="gw-dim" title="Not there any more">{name}</span>' for name in ("&lt;one&gt;", "two"))
    for path in (PAGE, f"{PAGE}{change.pk}/change/"):
        page = client.get(path).content.decode()
        assert f"{one}, {two} left the network" in page
        assert "node 1000000<" not in page
    page = client.get(PAGE).content.decode()
    assert f"{one}, <a" in page
    assert ">here</a> went offline" in page


def test_page_holds_nothing_inline(client: Client, one_of_each: Any) -> None:
    assert not read(client.get(PAGE)).refused


@pytest.mark.django_db(transaction=True)
async def test_file_is_written_as_it_is_read(owner: User, network: Any) -> None:
    browser = AsyncClient()
    await browser.aforce_login(owner)
    answer: Any = await browser.get(f"{PAGE}export/jsonl/")
    assert answer.is_async
    assert b'"kind": "login"' in b"".join([piece async for piece in answer])
    assert answer["Content-Disposition"].startswith("attachment;")
