"""The policy's tests: what they say now, adding, changing and deleting them."""

from __future__ import annotations

import pytest
from django.test import Client

from acl.models import PolicyTest
from acl.services.assertions import create_test
from mesh.change import Cause
from nodes.models import Network
from tests.factories import NOW
from tests.portal.pages import text_of

pytestmark = pytest.mark.django_db
LIST = "/admin/access/tests/"


@pytest.fixture
def stored(policy: Network) -> PolicyTest:
    fields = {"source": "user:mara", "accept": ["tag:db:22"]}
    return create_test(network_id=policy.pk, fields=fields, cause=Cause.command(), now=NOW)


def test_without_tests_the_page_says_what_they_are_for(client: Client, policy: Network) -> None:
    assert "No test yet" in text_of(client.get(LIST))


def test_a_test_that_holds_says_so(client: Client, stored: PolicyTest) -> None:
    said = text_of(client.get(LIST))
    assert "The test holds by policy 3" in said
    assert "user: mara must reach tag: db 22 accepted" in said.replace("check ", "")


def test_a_test_that_fails_comes_first_and_names_the_rule(client: Client, policy: Network, stored: PolicyTest) -> None:
    fields = {"source": "user:mara", "deny": ["tag:db:80"]}
    create_test(network_id=policy.pk, fields=fields, cause=Cause.command(), now=NOW, forced=True)
    answer = client.get(LIST)
    assert "1 fails , 1 holds, by policy 4" in text_of(answer)
    assert [row["position"] for row in answer.context["rows"]] == [2, 1]
    rule = policy.acl_rules.get(name="all of it")
    assert f"/admin/access/#rule-{rule.pk}" in answer.content.decode()


def test_a_test_is_added(client: Client, policy: Network) -> None:
    sent = {"source": "tag:db", "accept": "node:laptop:22, 80\nnode:laptop:443", "protocol": "tcp"}
    sent["accept"] = "node:laptop:22\nnode:laptop:443"
    assert client.post(f"{LIST}add/", sent)["Location"] == LIST
    row = PolicyTest.objects.get()
    assert (row.source, row.protocol, len(row.accept)) == ("tag:db", 6, 2)


def test_one_that_fails_at_once_needs_force(client: Client, policy: Network) -> None:
    sent = {"source": "tag:db", "deny": "node:laptop:22"}
    assert "A test breaks" in text_of(client.post(f"{LIST}add/", sent))
    assert not PolicyTest.objects.exists()
    assert client.post(f"{LIST}add/", sent | {"forced": "on"}).status_code == 302


def test_what_is_wrong_stands_at_its_field(client: Client, policy: Network) -> None:
    answer = client.post(f"{LIST}add/", {"source": "tag:nothing", "accept": "node:laptop"})
    assert set(answer.context["form"].errors) == {"source", "accept"}
    assert client.post(f"{LIST}add/", {"source": "tag:db", "posture": "disk"}).context["form"].errors["posture"]


def test_a_test_is_changed_and_keeps_what_its_form_shows(client: Client, stored: PolicyTest) -> None:
    page = client.get(f"{LIST}{stored.pk}/")
    assert page.context["form"]["accept"].value() == "tag:db:22"
    sent = {"source": "user:mara", "accept": "tag:db:22", "posture": "disk is true\nname is my laptop"}
    assert client.post(f"{LIST}{stored.pk}/", sent).status_code == 302
    stored.refresh_from_db()
    assert stored.posture == {"disk": True, "name": "my laptop"}
    assert client.get(f"{LIST}{stored.pk}/").context["form"]["posture"].value() == 'disk is true\nname is "my laptop"'


def test_a_test_is_asked_about_and_deleted(client: Client, stored: PolicyTest) -> None:
    assert "Delete test 1?" in text_of(client.get(f"{LIST}{stored.pk}/delete/"))
    assert PolicyTest.objects.exists()
    client.post(f"{LIST}{stored.pk}/delete/")
    assert not PolicyTest.objects.exists()
