"""Enrolment in one page: who may, the key once, and how far each machine has come."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from nodes.models import Network, Node
from portal.enrol.machines import machines_of
from sessions_app.models import AuthKey, Enrolment
from tests import factories as make

pytestmark = pytest.mark.django_db
KEY = re.compile(r"gwk_[A-Za-z0-9_-]{43}")
PAGE = "/admin/enrol/"


def send(client: Client, **fields: Any) -> tuple[Any, dict[str, Any]]:
    form = client.get(PAGE).context["form"]
    sent = {"network": form["network"].value(), "owner": "mara", "lifetime": "1d", "once": form["once"].value()}
    return client.post(PAGE, sent | fields), sent | fields


@pytest.fixture
def key(network: Network, owner: Any) -> AuthKey:
    made: AuthKey = make.AuthKeyFactory(network=network, owner=owner)
    return made


def came(key: AuthKey, **fields: Any) -> Node:
    node: Node = make.NodeFactory(network=key.network, last_seen=None, **{"online": False} | fields)
    make.AuthKeyUseFactory(auth_key=key, node=node)
    return node


def stages(key: AuthKey) -> list[str]:
    (machine,) = machines_of(key, timezone.now())
    return [stage.state for stage in machine.stages]


def test_the_line_is_shown_once_and_no_cache_keeps_it(client: Client) -> None:
    answer, sent = send(client, name="laptop")
    secret = KEY.search(answer.content.decode())
    assert secret is not None
    assert "no-store" in answer["Cache-Control"]
    follow = f"{PAGE}{AuthKey.objects.get().pk}/"
    assert f'data-gw-replace-url="{follow}"' in answer.content.decode()
    assert not KEY.search(client.get(follow).content.decode())
    again = client.post(PAGE, sent)
    assert AuthKey.objects.count() == 1
    assert not KEY.search(again.content.decode())


def test_a_form_works_however_often_its_page_is_asked_for_meanwhile(client: Client) -> None:
    form = client.get(PAGE).context["form"]
    for _ in range(25):
        client.get(PAGE)
    fields = {"network": form["network"].value(), "owner": "mara", "lifetime": "1d", "once": form["once"].value()}
    assert KEY.search(client.post(PAGE, fields).content.decode())


def test_what_was_chosen_is_what_the_key_may_do(client: Client) -> None:
    send(client, tags="web", reusable="on", max_uses="3", ephemeral="on", pre_approved="on", lifetime="7d")
    key = AuthKey.objects.get()
    assert (key.tags, key.owner, key.max_uses) == (["tag:web"], None, 3)
    assert key.ephemeral and key.pre_approved
    assert key.expires_at is not None and key.expires_at - key.created_at > timedelta(days=6)


@pytest.mark.parametrize(
    ("role", "sees", "makes"),
    [
        ("owner", 200, 200),
        ("admin", 200, 200),
        ("network_admin", 200, 403),
        ("support", 403, 403),
        ("auditor", 200, 403),
    ],
)
def test_roles(as_role: Callable[[str], Client], key: AuthKey, role: str, sees: int, makes: int) -> None:
    browser = as_role(role)
    assert browser.get(PAGE).status_code == browser.get(f"{PAGE}{key.pk}/").status_code == sees
    assert browser.post(PAGE, {}).status_code == makes


def test_a_post_needs_the_token_of_the_form(owner: Any, network: Network, key: AuthKey) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)
    assert browser.post(PAGE, {}).status_code == browser.post(f"{PAGE}{key.pk}/decide/", {}).status_code == 403


def test_a_machine_that_registered_waits_to_be_heard(key: AuthKey) -> None:
    came(key)
    assert stages(key) == ["done", "done", "now", "later", "later"]


def test_a_machine_that_is_heard_waits_for_a_handshake(key: AuthKey) -> None:
    node = came(key, online=True)
    began = timezone.now()
    make.OnlineSpanFactory(node=node, began=began)
    (machine,) = machines_of(key, timezone.now())
    assert [stage.state for stage in machine.stages] == ["done", "done", "done", "now", "later"]
    assert machine.stages[2].at == began


def test_a_report_of_either_end_is_a_handshake(key: AuthKey) -> None:
    node, peer = came(key, online=True), make.NodeFactory(network=key.network, name="db-01")
    make.ObservationFactory(node=node, reporter=peer)
    (machine,) = machines_of(key, timezone.now())
    assert [stage.state for stage in machine.stages] == ["done", "done", "done", "done", "now"]
    assert (machine.stages[3].note, machine.arrived, machine.answered) == ("with db-01", True, False)


def test_a_first_ping_is_what_the_agent_told(key: AuthKey) -> None:
    peer, now = make.NodeFactory(network=key.network, name="db-01"), timezone.now()
    came(key, online=True, first_ping_at=now, first_ping_ms=3.24, first_ping_peer=peer.pk)
    (machine,) = machines_of(key, now)
    assert machine.answered
    assert (machine.stages[4].at, machine.stages[4].note) == (now, "db-01 in 3.2\u00a0ms")


def test_a_peer_that_is_gone_leaves_the_ping(key: AuthKey) -> None:
    came(key, online=True, first_ping_at=timezone.now(), first_ping_ms=42.0, first_ping_peer=10**6)
    (machine,) = machines_of(key, timezone.now())
    assert machine.stages[4].note == "42\u00a0ms"


def test_what_two_other_machines_tell_of_each_other_counts_for_neither(key: AuthKey) -> None:
    came(key, online=True)
    one, two = make.NodeFactory(network=key.network), make.NodeFactory(network=key.network)
    make.ObservationFactory(node=one, reporter=two)
    assert stages(key)[3] == "now"


def test_bytes_alone_prove_nothing(key: AuthKey) -> None:
    make.TrafficTotalFactory(node=came(key, online=True))
    assert stages(key) == ["done", "done", "done", "now", "later"]


def hint_of(key: AuthKey, **later: int) -> tuple[str, str, str] | None:
    return machines_of(key, timezone.now() + timedelta(**later))[0].hint


def test_who_is_alone_has_nobody_to_ping(key: AuthKey) -> None:
    node = came(key, online=True)
    make.OnlineSpanFactory(node=node, began=timezone.now())
    hint = hint_of(key)
    assert hint is not None and hint[0].startswith("No other machine is online")


def test_a_stage_that_takes_long_says_what_to_check(client: Client, key: AuthKey) -> None:
    node = came(key, online=True)
    make.OnlineSpanFactory(node=node, began=timezone.now())
    peer = make.NodeFactory(network=key.network, online=True)
    assert hint_of(key) is None
    hint = hint_of(key, minutes=3)
    assert hint is not None and hint[1:] == ("Add a rule", "/admin/access/")
    make.ObservationFactory(node=node, reporter=peer, since=timezone.now())
    assert hint_of(key) is None
    hint = hint_of(key, minutes=3)
    assert hint is not None and "cannot be known" in hint[0]


@pytest.fixture
def asking(key: AuthKey) -> Enrolment:
    reported = {"hostname": "nas", "os": "linux", "os_version": "Debian 12", "agent_version": "0.1.0"}
    made: Enrolment = make.EnrolmentFactory(network=key.network, auth_key=key, reported=reported)
    return made


def test_a_machine_is_approved_on_the_page(client: Client, key: AuthKey, asking: Enrolment) -> None:
    page = client.get(f"{PAGE}{key.pk}/").content.decode()
    assert "Asks for approval" in page and asking.shown_code in page
    answer = client.post(f"{PAGE}{key.pk}/decide/", {"enrolment": asking.pk, "act": "approve"}, follow=True)
    assert Node.objects.get().name == "nas"
    assert "On its way" in answer.content.decode()
    assert stages(key) == ["done", "done", "now", "later", "later"]


def test_a_machine_is_turned_away_on_the_page(client: Client, key: AuthKey, asking: Enrolment) -> None:
    client.post(f"{PAGE}{key.pk}/decide/", {"enrolment": asking.pk, "act": "reject"})
    asking.refresh_from_db()
    assert (asking.state, Node.objects.count()) == ("rejected", 0)


def test_who_does_not_approve_nodes_is_refused(
    as_role: Callable[[str], Client], key: AuthKey, asking: Enrolment
) -> None:
    answer = as_role("auditor").post(f"{PAGE}{key.pk}/decide/", {"enrolment": asking.pk, "act": "approve"})
    assert (answer.status_code, Node.objects.count()) == (403, 0)


def test_a_machine_of_another_key_is_not_found_here(client: Client, key: AuthKey, asking: Enrolment) -> None:
    other = make.AuthKeyFactory(network=key.network)
    answer = client.post(f"{PAGE}{other.pk}/decide/", {"enrolment": asking.pk, "act": "approve"})
    assert answer.status_code == 404
