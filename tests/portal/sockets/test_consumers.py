"""What each page is told, and when a socket is closed."""

from __future__ import annotations

from typing import Any

import pytest
from channels.testing import WebsocketCommunicator  # type: ignore[import-untyped]
from django.utils import timezone

from mesh.change import Cause, ChangeKind
from nodes.changes import lock_network, record_change
from nodes.hints import tell_portal
from portal.sockets import newsroom
from portal.sockets.kinds import EVENT_RIGHTS
from portal.sockets.newsroom import NEWSROOM
from sessions_app.models import User
from tests import factories as make
from tests.portal.sockets.conftest import Browser, browser, events_in, look, sent
from tests.roles.table.people import ROLES, may
from tests.roles.table.sockets import EVENTS

pytestmark = pytest.mark.django_db


def change(network: Any, kind: ChangeKind, facts: dict[str, Any]) -> int:
    """The network moves on."""
    locked = lock_network(network.pk)
    return record_change(network=locked, kind=kind, facts=facts, cause=Cause.command(), now=timezone.now())


async def closed_with(socket: WebsocketCommunicator) -> int:
    """The code of a socket that the portal closes."""
    while True:
        message = await socket.receive_output(timeout=30)
        if message["type"] == "websocket.close":
            return int(message["code"])


# --- What each is told


async def test_a_change_is_told_by_type_version_and_nodes(network: Any) -> None:
    page = await browser().open("page")
    version = change(network, ChangeKind.PRESENCE, {"online": [7], "offline": [{"id": 8, "at": "2026-03-02"}]})
    [messages] = await look(page)
    assert events_in(messages) == [
        {"type": "presence", "network": network.pk, "version": version, "nodes": [7, 8]},
    ]
    assert messages[-1] == {"type": "state", "fresh": True, "version": version}
    await page.disconnect()


async def test_a_burst_is_one_event_a_type(network: Any) -> None:
    page = await browser().open("page")
    for node_id in range(1, 6):
        change(network, ChangeKind.SESSIONS, {"ended": [node_id]})
    [messages] = await look(page)
    assert [(item["type"], item["nodes"]) for item in events_in(messages)] == [("sessions", [1, 2, 3, 4, 5])]
    await page.disconnect()


async def test_no_event_holds_more_than_type_place_and_ids(network: Any) -> None:
    page = await browser().open("page")
    for kind in ChangeKind:
        change(network, kind, {"nodes": [], "removed": [], "secret": "gwk_x", "reason": "because"})
    [messages] = await look(page)
    assert {key for message in messages for key in message} <= {"type", "network", "version", "nodes", "fresh"}
    await page.disconnect()


@pytest.mark.parametrize("role", [role for role in ROLES if role != "member"])
async def test_a_role_hears_of_nothing_that_it_may_not_see(role: str, network: Any) -> None:
    page = await browser(role).open("page")
    for kind in ChangeKind:
        change(network, kind, {"nodes": []})
    for topic in ("enrolments", "jobs", "metrics"):
        tell_portal(topic, network.pk)
    [messages] = await look(page)
    expected = {event for event, needs in EVENTS.items() if may(role, needs)}
    assert {message["type"] for message in events_in(messages)} == expected
    await page.disconnect()


async def test_every_kind_of_change_is_an_event() -> None:
    assert {kind.value for kind in ChangeKind} <= EVENT_RIGHTS.keys()


async def test_a_page_of_one_network_hears_nothing_of_another(network: Any) -> None:
    other = make.NetworkFactory(name="other")
    page = await browser().open(f"page?network={network.pk}")
    change(other, ChangeKind.POLICY, {"policy_version": 2})
    tell_portal("jobs", other.pk)
    [messages] = await look(page)
    assert events_in(messages) == []
    await page.disconnect()


async def test_a_topic_for_all_reaches_every_network(network: Any) -> None:
    page = await browser().open("page")
    tell_portal("enrolments")
    [messages] = await look(page)
    assert events_in(messages) == [{"type": "enrolments", "network": 0}]
    await page.disconnect()


async def test_the_page_of_a_node_hears_of_that_node_alone(network: Any) -> None:
    mine, other = make.NodeFactory(network=network), make.NodeFactory(network=network)
    page = await browser().open(f"node?id={mine.pk}")
    change(network, ChangeKind.PRESENCE, {"online": [other.pk], "offline": []})
    assert [events_in(messages) for messages in await look(page)] == [[]]
    change(network, ChangeKind.PRESENCE, {"online": [mine.pk, other.pk], "offline": []})
    [messages] = await look(page)
    assert [item["nodes"] for item in events_in(messages)] == [[mine.pk]]
    await page.disconnect()


async def test_members_hear_of_their_own_devices_alone(network: Any) -> None:
    someone = browser("member")
    own, other = make.NodeFactory(network=network, owner=someone.user), make.NodeFactory(network=network)
    page = await someone.open("own")
    for kind in (ChangeKind.POLICY, ChangeKind.USERS, ChangeKind.CREDENTIALS, ChangeKind.NETWORK):
        change(network, kind, {"users": []})
    change(network, ChangeKind.PRESENCE, {"online": [other.pk], "offline": []})
    assert [events_in(messages) for messages in await look(page)] == [[]]
    change(network, ChangeKind.PRESENCE, {"online": [own.pk, other.pk], "offline": []})
    [messages] = await look(page)
    assert events_in(messages) == [{"type": "presence", "network": network.pk, "nodes": [own.pk]}]
    await page.disconnect()


async def test_a_device_that_comes_later_is_ones_own_too(network: Any) -> None:
    someone = browser("member")
    page = await someone.open("own")
    facts = [{"id": 70, "user": someone.user.pk}, {"id": 71, "user": someone.user.pk + 1}]
    change(network, ChangeKind.NODES, {"nodes": facts, "removed": []})
    [came] = await look(page)
    change(network, ChangeKind.NODES, {"nodes": [], "removed": [70]})
    [left] = await look(page)
    assert [item["nodes"] for item in (*events_in(came), *events_in(left))] == [[70], [70]]
    await page.disconnect()


async def test_very_many_nodes_are_not_named(network: Any) -> None:
    page = await browser().open("page")
    change(network, ChangeKind.SESSIONS, {"ended": list(range(1, 500))})
    [messages] = await look(page)
    assert "nodes" not in events_in(messages)[0]
    await page.disconnect()


async def test_facts_of_a_huge_change_are_not_read(network: Any) -> None:
    page = await browser().open("page")
    change(network, ChangeKind.NODES, {"nodes": [], "removed": [7], "notes": "x" * 70_000})
    [messages] = await look(page)
    assert [(item["type"], "nodes" in item) for item in events_in(messages)] == [("nodes", False)]
    await page.disconnect()


async def test_a_page_that_is_opened_hears_nothing_of_the_past(network: Any) -> None:
    version = change(network, ChangeKind.POLICY, {"policy_version": 2})
    someone = browser()
    socket = someone.socket("page")
    assert (await socket.connect(timeout=30))[0]
    [messages] = await look(socket)
    assert messages == [{"type": "state", "fresh": True, "version": version}]
    await socket.disconnect()


# --- How it ends


async def ends(someone: Browser, socket: WebsocketCommunicator) -> int:
    """The code upon the next check."""
    NEWSROOM._checked -= newsroom.CHECK_SECONDS
    NEWSROOM.turn()
    return await closed_with(socket)


async def test_a_session_that_ended_closes_its_sockets(network: Any) -> None:
    someone, other = browser(), browser()
    page, stays = await someone.open("page"), await other.open("page")
    someone.client.logout()
    assert await ends(someone, page) == newsroom.CLOSE_SESSION_ENDED
    assert await sent(stays) is not None
    assert [reader.visitor.user_id for reader in NEWSROOM._readers] == [other.user.pk]
    await stays.disconnect()


async def test_a_new_password_closes_the_sockets(network: Any) -> None:
    someone = browser()
    page = await someone.open("page")
    someone.user.set_password("another-long-password")
    someone.user.save()
    assert await ends(someone, page) == newsroom.CLOSE_SESSION_ENDED


@pytest.mark.parametrize("become", [{"role": User.Role.AUDITOR}, {"is_active": False}])
async def test_another_role_or_none_closes_the_sockets(become: dict[str, Any], network: Any) -> None:
    someone = browser("admin")
    page = await someone.open("page")
    User.objects.filter(pk=someone.user.pk).update(**become)
    assert await ends(someone, page) == newsroom.CLOSE_SESSION_ENDED


@pytest.mark.parametrize("kind", [ChangeKind.USERS, ChangeKind.CREDENTIALS])
async def test_a_change_of_people_has_all_asked_at_once(kind: ChangeKind, network: Any) -> None:
    someone = browser()
    page = await someone.open("page")
    NEWSROOM._checked += 3600
    User.objects.filter(pk=someone.user.pk).update(is_active=False)
    change(network, kind, {"users": []})
    NEWSROOM.turn()
    assert await closed_with(page) == newsroom.CLOSE_SESSION_ENDED


async def test_a_page_that_speaks_is_cut_off(network: Any) -> None:
    page = await browser().open("page")
    await page.send_to(text_data='{"type": "subscribe"}')
    assert await closed_with(page) == 4400


async def test_many_pages_cost_no_more_queries_than_one(network: Any, django_assert_max_num_queries: Any) -> None:
    someone = browser()
    pages = [await someone.open("page") for _ in range(8)]
    NEWSROOM._checked -= newsroom.CHECK_SECONDS
    change(network, ChangeKind.POLICY, {"policy_version": 2})
    with django_assert_max_num_queries(4):
        NEWSROOM.turn()
    for page in pages:
        await page.disconnect()


async def test_nobody_here_costs_no_query(network: Any, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        NEWSROOM.turn()
