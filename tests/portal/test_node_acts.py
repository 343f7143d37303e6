"""What a person does to nodes goes through the services: a Change says so, with the person as its cause."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from nodes.models import Address, Change, Node, RetiredKey
from sessions_app.models import NodeSession
from tests import factories as make
from tests.portal.pages import page_url, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def node(network: Any) -> Node:
    row: Node = make.NodeFactory(network=network, name="web-3", online=True)
    make.NodeSessionFactory(node=row)
    make.AddressFactory(node=row, number=7)
    return row


def act(client: Client, node: Node, verb: str, **fields: Any) -> Any:
    return client.post(page_url(Node, "do", node.pk, verb), {"confirmed": "yes", "sure": "on", **fields})


def test_asking_changes_nothing(client: Client, node: Node) -> None:
    client.get(page_url(Node, "do", node.pk, "disable"))
    client.post(page_url(Node, "do", node.pk, "disable"))
    node.refresh_from_db()
    assert node.state == Node.State.ACTIVE


def test_consent_is_needed(client: Client, node: Node) -> None:
    response = client.post(page_url(Node, "do", node.pk, "disable"), {"confirmed": "yes"})
    node.refresh_from_db()
    assert (response.status_code, node.state) == (200, Node.State.ACTIVE)


def test_disable_records_who_did_it(client: Client, node: Node, owner: Any) -> None:
    act(client, node, "disable")
    node.refresh_from_db()
    change = Change.objects.get()
    assert node.state == Node.State.DISABLED
    assert (change.kind, change.actor, change.origin) == ("nodes", f"user:{owner.pk}", "127.0.0.1")
    assert change.request_id


def test_disable_ends_the_session(client: Client, node: Node) -> None:
    act(client, node, "disable")
    assert NodeSession.objects.get().ended_at is not None


def test_enable_needs_no_question(client: Client, network: Any) -> None:
    node = make.NodeFactory(network=network, state=Node.State.DISABLED)
    client.post(page_url(Node, "do", node.pk, "enable"))
    node.refresh_from_db()
    assert node.state == Node.State.ACTIVE


def test_delete_retires_the_key_and_goes_to_the_list(client: Client, node: Node) -> None:
    response = act(client, node, "delete")
    assert response["Location"] == page_url(Node, "changelist")
    assert not Node.objects.filter(pk=node.pk).exists()
    assert RetiredKey.objects.get().public_key == node.public_key


def test_rename_shows_what_the_service_refuses(client: Client, node: Node, network: Any) -> None:
    make.NodeFactory(network=network, name="taken")
    response = act(client, node, "rename", name="taken")
    assert response.status_code == 200
    assert "taken" in text_of(response)
    assert Node.objects.get(pk=node.pk).name == "web-3"


def test_tags_take_a_node_from_its_owner(client: Client, node: Node) -> None:
    act(client, node, "tags", tags="web, tag:db")
    node.refresh_from_db()
    assert node.owner is None
    assert [row.tag for row in node.tags.all()] == ["tag:db", "tag:web"]


def test_fixed_address(client: Client, node: Node) -> None:
    act(client, node, "address", address="10.1.0.77")
    assert Address.objects.get(node=node).address == "10.1.0.77"


def test_question_names_routes_that_only_this_node_serves(client: Client, node: Node) -> None:
    make.RouteFactory(node=node, prefix="10.40.0.0/16", approved=True, primary=True)
    said = text_of(client.get(page_url(Node, "do", node.pk, "disable")))
    assert "web-3 is the only router of 10.40.0.0/16" in said
    assert "Cut off 10.40.0.0/16" in said


def test_question_knows_the_other_router(client: Client, node: Node, network: Any) -> None:
    make.RouteFactory(node=node, prefix="10.40.0.0/16", approved=True, primary=True)
    make.RouteFactory(node=make.NodeFactory(network=network), prefix="10.40.0.0/16", approved=True)
    assert "only router" not in text_of(client.get(page_url(Node, "do", node.pk, "disable")))


def test_bulk_asks_then_acts_on_the_ticked_rows_alone(client: Client, network: Any) -> None:
    one, two, three = make.NodeFactory.create_batch(3, network=network)
    ticked = {"action": "disable", "index": 0, "_selected_action": [one.pk, two.pk]}
    listed = page_url(Node, "changelist") + "?q=node"
    asked = client.post(listed, ticked)
    assert "Disable 2 nodes?" in text_of(asked)
    done = client.post(listed, {**ticked, "confirmed": "yes", "sure": "on", "select_across": "1"})
    assert done["Location"] == listed
    states = dict(Node.objects.values_list("pk", "state"))
    assert (states[one.pk], states[two.pk], states[three.pk]) == ("disabled", "disabled", "active")


def test_bulk_says_what_failed_and_does_the_rest(client: Client, network: Any) -> None:
    one, two = make.NodeFactory.create_batch(2, network=network)
    make.AclRuleFactory(network=network, action="deny", sources=[f"node#{one.pk}"], destinations=["*"])
    ticked = {"action": "delete", "index": 0, "_selected_action": [one.pk, two.pk], "confirmed": "yes", "sure": "on"}
    said = text_of(client.post(page_url(Node, "changelist"), ticked, follow=True))
    assert list(Node.objects.all()) == [one]
    assert one.name in said


def test_what_a_deny_rule_names_is_deleted_only_on_purpose(client: Client, node: Node, network: Any) -> None:
    make.AclRuleFactory(network=network, action="deny", sources=[f"node#{node.pk}"], destinations=["*"])
    asked = act(client, node, "delete")
    assert "Do it all the same" in text_of(asked)
    assert Node.objects.filter(pk=node.pk).exists()
    act(client, node, "delete", forced="yes")
    assert not Node.objects.filter(pk=node.pk).exists()


def test_approve_a_route(client: Client, node: Node) -> None:
    route = make.RouteFactory(node=node)
    client.post(page_url(type(route), "do", route.pk, "approve"))
    route.refresh_from_db()
    assert (route.approved, route.primary) == (True, True)


def test_withdraw_asks_first(client: Client, node: Node) -> None:
    route = make.RouteFactory(node=node, approved=True, primary=True)
    address = page_url(type(route), "do", route.pk, "withdraw")
    client.post(address)
    route.refresh_from_db()
    assert route.approved
    client.post(address, {"confirmed": "yes", "sure": "on"})
    route.refresh_from_db()
    assert not route.approved


def test_revoked_session_needs_a_registration(client: Client, node: Node) -> None:
    session = NodeSession.objects.get()
    client.post(page_url(NodeSession, "do", session.pk, "revoke"), {"confirmed": "yes", "sure": "on"})
    node.refresh_from_db()
    assert node.login_required


def test_release_a_retired_key(client: Client, network: Any) -> None:
    key = make.RetiredKeyFactory(network=network)
    client.post(page_url(RetiredKey, "do", key.pk, "release"), {"confirmed": "yes"})
    assert not RetiredKey.objects.exists()


def test_after_an_act_a_foreign_address_is_not_followed(client: Client, node: Node) -> None:
    route = make.RouteFactory(node=node)
    answer = client.post(page_url(type(route), "do", route.pk, "approve"), {"next": "https://evil.example/"})
    assert answer["Location"] == page_url(type(route), "change", route.pk)
