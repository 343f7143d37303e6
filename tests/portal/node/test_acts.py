"""Acts on one node say what they cut, need consent to just that, and can be taken back from the message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from coordinator.consequences import of_leaving
from nodes.models import Node, Route
from sessions_app.models import NodeSession, User
from tests import factories as make
from tests.portal.pages import page_url, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def web(network: Any) -> Node:
    """A node tagged ``tag:web`` that three nodes tagged ``tag:ci`` reach."""
    node: Node = make.TaggedNodeFactory(network=network, name="web-3", tags=["tag:web"], online=True)
    make.AddressFactory(node=node, number=2)
    make.NodeSessionFactory(node=node)
    for number in range(3):
        make.AddressFactory(node=make.TaggedNodeFactory(network=network, tags=["tag:ci"]), number=number + 3)
    make.TaggedNodeFactory(network=network, tags=["tag:db"])
    make.AclRuleFactory(network=network, position=1, sources=["tag:ci"], destinations=["tag:web"])
    return node


def act(client: Client, node: Node, verb: str, **fields: Any) -> Any:
    return client.post(page_url(Node, "do", node.pk, verb), {"confirmed": "yes", **fields}, follow=True)


def undo_in(response: Any) -> tuple[str, dict[str, str]] | None:
    """Where the Undo button of the page posts, and what."""
    text = response.content.decode()
    if 'class="gw-note-act"' not in text:
        return None
    form = text.split('class="gw-note-act"')[0].rsplit("<form", 1)[1] + text.split('class="gw-note-act"')[1]
    form = form.split("</form>")[0]
    fields = {
        part.split('name="')[1].split('"')[0]: part.split('value="')[1].split('"')[0].replace("&quot;", '"')
        for part in form.split("<input")[1:]
        if 'name="csrf' not in part
    }
    return form.split('action="')[1].split('"')[0], fields


@pytest.mark.parametrize("verb", ["disable", "delete", "expire", "owner"])
def test_the_question_is_what_the_engine_says(client: Client, web: Node, verb: str) -> None:
    said = text_of(client.get(page_url(Node, "do", web.pk, verb)))
    [loss] = of_leaving(network_id=web.network_id, node_ids=[web.pk]).losses
    assert loss.peers == 3
    assert "web-3 loses 3 peers; its session ends" in said
    assert "Cut off web-3" in said
    assert "Keep it" in said


def test_many_nodes_have_a_row_each_up_to_a_number(client: Client, network: Any) -> None:
    nodes = make.NodeFactory.create_batch(23, network=network)
    ticked = {"action": "disable", "index": 0, "_selected_action": [node.pk for node in nodes]}
    said = text_of(client.post(page_url(Node, "changelist"), ticked))
    assert said.count("has no peer to lose") == 20
    assert "3 more nodes lose no peer" in said


def test_tags_are_weighed_once_they_are_known(client: Client, web: Node) -> None:
    asked = act(client, web, "tags", tags="db")
    assert "web-3 loses 3 peers" in text_of(asked)
    assert [row.tag for row in web.tags.all()] == ["tag:web"]
    weighed = asked.context["weighed"]
    act(client, web, "tags", tags="db", weighed=weighed)
    assert [row.tag for row in web.tags.all()] == ["tag:web"]
    act(client, web, "tags", tags="ci, db", weighed=weighed, sure="on")
    assert [row.tag for row in web.tags.all()] == ["tag:web"]
    act(client, web, "tags", tags="db", weighed=weighed, sure="on")
    assert [row.tag for row in web.tags.all()] == ["tag:db"]


def test_tags_that_cut_nothing_are_set_at_once(client: Client, web: Node) -> None:
    act(client, web, "tags", tags="web, db")
    assert [row.tag for row in web.tags.all()] == ["tag:db", "tag:web"]


def test_disabling_is_undone(client: Client, web: Node) -> None:
    found = undo_in(act(client, web, "disable", sure="on"))
    assert found is not None
    client.post(*found)
    assert Node.objects.get(pk=web.pk).state == Node.State.ACTIVE


def test_enabling_is_undone(client: Client, network: Any) -> None:
    node = make.NodeFactory(network=network, state=Node.State.DISABLED)
    found = undo_in(act(client, node, "enable"))
    assert found is not None
    client.post(*found)
    assert Node.objects.get(pk=node.pk).state == Node.State.DISABLED


def test_tags_are_put_back(client: Client, web: Node) -> None:
    found = undo_in(act(client, web, "tags", tags="web, ci"))
    assert found is not None
    client.post(*found)
    assert [row.tag for row in web.tags.all()] == ["tag:web"]


def test_a_name_is_put_back(client: Client, web: Node) -> None:
    found = undo_in(act(client, web, "rename", name="web-9"))
    assert found is not None
    client.post(*found)
    assert Node.objects.get(pk=web.pk).name == "web-3"


def test_approvals_are_taken_back_and_given_again(client: Client, web: Node) -> None:
    route = make.RouteFactory(node=web)
    found = undo_in(client.post(page_url(Route, "do", route.pk, "approve"), follow=True))
    assert found is not None
    found = undo_in(client.post(*found, follow=True))
    assert not Route.objects.get(pk=route.pk).approved
    assert found is not None
    client.post(*found)
    assert Route.objects.get(pk=route.pk).approved


@pytest.mark.parametrize("verb", ["expire", "delete"])
def test_what_cannot_be_undone_offers_no_undo(client: Client, web: Node, verb: str) -> None:
    assert undo_in(act(client, web, verb, sure="on")) is None


def test_a_node_is_handed_to_a_person(client: Client, web: Node) -> None:
    ana = make.UserFactory(username="ana")
    assert "no person with this login" in text_of(act(client, web, "owner", login="nobody", sure="on"))
    act(client, web, "owner", login="Ana", sure="on")
    web.refresh_from_db()
    assert (web.owner, web.tagged, web.login_required) == (ana, False, True)


def test_a_key_is_rotated(client: Client, web: Node) -> None:
    act(client, web, "rotate")
    assert Node.objects.get(pk=web.pk).rotate_requested_at is not None


def test_a_session_is_revoked_from_the_page_and_leads_back(client: Client, web: Node) -> None:
    page = page_url(Node, "change", web.pk)
    session = NodeSession.objects.get()
    asked = client.get(page_url(NodeSession, "do", session.pk, "revoke"), {"next": page})
    assert "web-3 loses 3 peers" in text_of(asked)
    assert f'name="next" value="{page}"' in asked.content.decode()
    done = client.post(
        page_url(NodeSession, "do", session.pk, "revoke"), {"confirmed": "yes", "sure": "on", "next": page}
    )
    assert done["Location"] == page


@pytest.mark.parametrize("verb", ["owner", "rotate", "disable"])
def test_support_may_not(as_role: Callable[[str], Client], web: Node, verb: str) -> None:
    assert act(as_role(User.Role.SUPPORT), web, verb, sure="on", login="ana").status_code == 403
