"""The overview: first steps, then figures that equal what lists show."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from nodes.models import Network, Node
from nodes.presence import RedisPresence, presence_store
from nodes.shared_redis import redis_client
from sessions_app.models import AuthKey
from tests import factories as make
from tests.portal.pages import page_url, read, text_of

pytestmark = pytest.mark.django_db

KEY = re.compile(r"gwk_[A-Za-z0-9_-]{43}")


@pytest.fixture
def fleet(network: Any) -> dict[str, Node]:
    """One node of each status."""
    now = timezone.now()
    presence_store().since(now - timedelta(days=1))
    nodes = {
        "online": make.NodeFactory(network=network, name="on", online=True, last_seen=now),
        "late": make.NodeFactory(network=network, name="slow", online=True, last_seen=now),
        "offline": make.NodeFactory(network=network, name="off", last_seen=now - timedelta(days=2)),
        "waiting": make.NodeFactory(network=network, name="new"),
        "expired": make.NodeFactory(network=network, name="old", state=Node.State.EXPIRED),
        "disabled": make.NodeFactory(network=network, name="cut", state=Node.State.DISABLED),
    }
    presence_store().touch(
        {nodes["online"].pk: now - timedelta(seconds=5), nodes["late"].pk: now - timedelta(seconds=70)}
    )
    return nodes


def test_empty_network_shows_the_first_steps(client: Client) -> None:
    said = text_of(client.get("/admin/"))
    assert "mycompany.ghost is ready and empty" in said
    assert "10.1.0.0/16" in said


def test_first_key_is_made_by_a_button_and_shown_once(client: Client, owner: Any) -> None:
    page = client.get("/admin/")
    made = client.post("/admin/", {"once": page.context["once"]})
    assert KEY.search(text_of(made))
    assert "no-store" in made["Cache-Control"]
    key = AuthKey.objects.get()
    assert (key.owner, key.max_uses) == (owner, 2)
    assert key.expires_at is not None
    assert f'data-gw-replace-url="{made.context["guide_url"].replace("&", "&amp;")}"' in made.content.decode()
    again = client.post("/admin/", {"once": page.context["once"]}, follow=True)
    assert not KEY.search(text_of(again))
    assert AuthKey.objects.count() == 1


def test_one_machine_is_followed_and_leads_to_the_second(client: Client, network: Any) -> None:
    first = make.NodeFactory(network=network, name="alpha", online=True)
    said = text_of(client.get("/admin/"))
    assert "One machine. A second one, and they can talk." in said
    assert "alpha On its way Seen : done" in said
    assert "Make a key for the second machine" in said
    make.AuthKeyFactory(network=network, max_uses=2, uses=1)
    assert "Run the same line on a second machine." in text_of(client.get("/admin/"))
    make.NodeFactory(network=network, name="beta", first_ping_at=timezone.now(), first_ping_peer=first.pk)
    said = text_of(client.get("/admin/"))
    assert "1 of 2 online" in said
    assert "One machine." not in said


def test_the_first_steps_stay_until_somebody_leaves_them(client: Client, network: Any) -> None:
    address = client.get("/admin/").context["guide_url"]
    now = timezone.now()
    first, second = (make.NodeFactory(network=network, name=name, online=True) for name in ("alpha", "beta"))
    for node, peer in ((first, second), (second, first)):
        Node.objects.filter(pk=node.pk).update(first_ping_at=now, first_ping_ms=2.0, first_ping_peer=peer.pk)
    said = text_of(client.get(address))
    assert "mycompany.ghost is a mesh" in said
    assert "beta in 2.0 ms" in said
    assert "is a mesh" not in text_of(client.get("/admin/"))


def test_a_machine_without_a_key_is_decided_on_its_own_page(client: Client, network: Any) -> None:
    asking = make.EnrolmentFactory(network=network, auth_key=None)
    assert f"/admin/sessions_app/enrolment/{asking.pk}/do/approve/" in read(client.get("/admin/")).hrefs


def test_who_makes_no_keys_is_offered_none(as_role: Callable[[str], Client], network: Any) -> None:
    browser = as_role("auditor")
    assert "Your role does not make auth keys" in text_of(browser.get("/admin/"))
    assert browser.post("/admin/", {"once": "x" * 22}).status_code == 403


def test_no_network_has_a_page(client: Client) -> None:
    Network.objects.all().delete()
    assert "There is no network yet" in text_of(client.get("/admin/"))


@pytest.mark.parametrize("status", ["online", "late", "offline", "waiting", "expired", "disabled"])
def test_each_status_has_its_tab(client: Client, fleet: dict[str, Node], status: str) -> None:
    response = client.get(page_url(Node, "changelist") + f"?status={status}")
    assert list(response.context["cl"].result_list) == [fleet[status]]
    tabs = {tab["url"]: tab["count"] for tab in response.context["cl"].filter_specs[0].tabs(response.context["cl"])}
    assert set(tabs.values()) == {6, 1}


def test_a_whole_fleet_may_be_late(client: Client, network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    node = make.NodeFactory(network=network, online=True)
    monkeypatch.setattr("portal.live.late_ids", lambda now: [node.pk, *range(10**6, 10**6 + 50_000)])
    late = client.get(page_url(Node, "changelist") + "?status=late")
    assert list(late.context["cl"].result_list) == [node]
    assert client.get(page_url(Node, "changelist") + "?status=online").context["cl"].result_count == 0


def test_list_is_in_the_order_of_need(client: Client, fleet: dict[str, Node]) -> None:
    listed = client.get(page_url(Node, "changelist")).context["cl"].result_list
    assert [node.name for node in listed] == ["new", "slow", "off", "on", "old", "cut"]


def test_words_beside_glyphs(client: Client, fleet: dict[str, Node]) -> None:
    said = text_of(client.get(page_url(Node, "changelist")))
    for word in ("Waiting", "Late", "Offline", "Online", "Expired", "Disabled"):
        assert word in said


def test_figures_equal_the_lists(client: Client, fleet: dict[str, Node]) -> None:
    page = client.get("/admin/")
    counts = page.context["fleet"]
    assert (counts.total, counts.online, counts.late, counts.offline, counts.waiting) == (6, 1, 1, 1, 1)
    for part in page.context["segments"]:
        assert client.get(part.url).context["cl"].result_count == part.count


def test_node_that_must_log_in_again_says_so(client: Client, network: Any) -> None:
    make.NodeFactory(network=network, login_required=True, online=False)
    assert "Log in again" in text_of(client.get(page_url(Node, "changelist")))


def test_restarted_portal_judges_nobody(client: Client, network: Any) -> None:
    """A fresh presence store has heard nobody: nodes that were online stay so until their grace is over."""
    make.NodeFactory(network=network, online=True, last_seen=timezone.now() - timedelta(hours=3))
    assert client.get(page_url(Node, "changelist") + "?status=online").context["cl"].result_count == 1


def test_pages_go_on_without_the_presence_store(client: Client, network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for node in make.NodeFactory.create_batch(2, network=network, online=True, last_seen=timezone.now()):
        assert node.pk
    gone = RedisPresence(redis_client("redis://127.0.0.1:1"))
    for module in ("portal.live", "coordinator.admin_api.health"):
        monkeypatch.setattr(f"{module}.presence_store", lambda: gone)
    for address in ("/admin/", page_url(Node, "changelist"), page_url(Node, "change", node.pk)):
        said = text_of(client.get(address))
        assert "Heartbeats cannot be read" in said
        assert "Online" in said


def test_needs_name_routes_and_keys(client: Client, fleet: dict[str, Node]) -> None:
    make.RouteFactory(node=fleet["online"], prefix="10.44.0.0/24")
    Node.objects.filter(pk=fleet["online"].pk).update(key_expires_at=timezone.now() + timedelta(days=2, hours=1))
    said = text_of(client.get("/admin/"))
    assert "on offers 10.44.0.0/24" in said
    assert "The key of on ends in 2 days" in said or "The key of on ends in 49 h" in said


def test_names_are_escaped_everywhere(client: Client, network: Any) -> None:
    evil = "<script>alert(1)</script>"
    person = make.UserFactory(username="evil", display_name=evil)
    nodes = make.NodeFactory.create_batch(
        2, network=network, owner=person, hostname=evil, os=evil, posture={evil: evil}
    )
    make.AclRuleFactory(network=network, name=evil, comment=evil)
    make.ChangeFactory(network=network, kind="nodes", facts={"removed": [1], "name": evil}, actor=f"user:{person.pk}")
    make.ChangeFactory(network=network, kind="users", facts={"users": [{"id": person.pk, "display_name": evil}]})
    key = make.AuthKeyFactory(network=network, name=evil, hint="<b>")
    make.AuthKeyUseFactory(auth_key=key, node=nodes[0])
    region = make.RelayRegionFactory(network=network, name=evil)
    make.TagOwnerFactory(network=network, comment=evil)
    addresses = ["/admin/", page_url(Node, "changelist"), page_url(Node, "change", nodes[0].pk)]
    addresses += [page_url(model, "changelist") for model in (type(person), nodes[0].network.acl_rules.model)]
    addresses += [
        page_url(AuthKey, "changelist"),
        page_url(AuthKey, "change", key.pk),
        page_url(AuthKey, "do", key.pk, "revoke"),
    ]
    addresses += [page_url(type(region), "changelist"), page_url(type(region), "change", region.pk)]
    addresses += ["/admin/acl/tagowner/", "/admin/records/", "/admin/sessions_app/authkeyuse/"]
    addresses += ["/admin/nodes/change/", f"/admin/nodes/node/?q={evil}"]
    for address in addresses:
        response = client.get(address)
        assert evil not in response.content.decode(), address
        assert not read(response).refused
