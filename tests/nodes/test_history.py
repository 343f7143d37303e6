"""From the log of changes to spans: once each, in order, whenever."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from coordinator.lifecycle import delete_node, disable_node
from coordinator.people import disable_user
from mesh.change import Cause, ChangeKind
from nodes.models import HistoryCursor, Network, Node, OnlineSpan
from nodes.services.history import forget_history, networks_with_news, read_history
from nodes.services.presence import mark_offline, mark_online
from nodes.services.retention import prune_changes
from nodes.tasks import keep_history
from sessions_app.models import NodeSession, User
from sessions_app.services.sessions import revoke_session
from tests.factories import NetworkFactory, NodeFactory
from tests.fixtures import START, Clock, Join

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
CAUSE = Cause.system("test")


@pytest.fixture
def web(network: Network, join: Join, ana: User) -> Node:
    """A node that was never online."""
    return join(ana, "web").node


def act(minutes: float = 0) -> dict[str, Any]:
    return {"cause": CAUSE, "now": START + minutes * MINUTE}


def online(node: Node, minutes: float) -> None:
    mark_online(network_id=node.network_id, node_ids=[node.pk], **act(minutes))


def offline(node: Node, minutes: float, heard: float) -> None:
    mark_offline(network_id=node.network_id, last_seen={node.pk: START + heard * MINUTE}, **act(minutes))


def spans(node: Node) -> list[tuple[float | None, ...]]:
    """Beginnings and ends in minutes after START."""
    rows = OnlineSpan.objects.filter(node_id=node.pk).order_by("began").values_list("began", "ended")
    return [tuple(None if at is None else (at - START) / MINUTE for at in row) for row in rows]


def read(network: Network) -> None:
    while read_history(network_id=network.pk):
        pass


def test_a_span_ends_when_it_was_last_heard(network: Network, web: Node) -> None:
    online(web, 1)
    offline(web, 12, heard=10)
    online(web, 20)
    read(network)
    assert spans(web) == [(1, 10), (20, None)]


def test_in_whatever_portions(network: Network, web: Node) -> None:
    for number in range(4):
        online(web, 10 * number)
        offline(web, 10 * number + 8, heard=10 * number + 5)
    while read_history(network_id=network.pk, limit=1):
        pass
    assert spans(web) == [(10 * number, 10 * number + 5) for number in range(4)]


def test_doubled_or_late_it_does_nothing(network: Network, web: Node) -> None:
    online(web, 1)
    read(network)
    assert read_history(network_id=network.pk) == 0
    offline(web, 12, heard=10)
    read(network)
    assert spans(web) == [(1, 10)]


def test_one_that_is_cut_off_is_not_online(network: Network, web: Node) -> None:
    online(web, 1)
    disable_node(node_id=web.pk, **act(5))
    read(network)
    assert spans(web) == [(1, 5)]


def test_one_that_must_log_in_again(network: Network, web: Node) -> None:
    online(web, 1)
    revoke_session(session_id=NodeSession.objects.get(ended_at=None).pk, **act(5))
    read(network)
    assert spans(web) == [(1, 5)]


def test_one_whose_owner_is_disabled_until_it_is_missed(network: Network, web: Node, ana: User) -> None:
    online(web, 1)
    disable_user(user_id=ana.pk, **act(5))
    offline(web, 8, heard=5)
    read(network)
    assert spans(web) == [(1, 5)]


def test_one_that_is_gone_is_passed_over(network: Network, web: Node) -> None:
    online(web, 1)
    delete_node(node_id=web.pk, **act(5))
    read(network)
    assert not OnlineSpan.objects.exists()


def test_what_goes_takes_its_history_along(network: Network, web: Node) -> None:
    online(web, 1)
    read(network)
    delete_node(node_id=web.pk, **act(5))
    read(network)
    assert not OnlineSpan.objects.exists()


def test_pruned_changes_say_nothing(network: Network, web: Node) -> None:
    online(web, 1)
    read(network)
    offline(web, 12, heard=10)
    online(web, 20)
    prune_changes(kind=ChangeKind.PRESENCE, before=START + 60 * MINUTE)
    offline(web, 90, heard=80)
    read(network)
    assert spans(web) == [(1, 80)]


def test_a_clock_that_went_back(network: Network, web: Node) -> None:
    online(web, 10)
    offline(web, 12, heard=5)
    read(network)
    assert spans(web) == [(10, 10)]


def test_old_spans_are_dropped_and_open_ones_kept(network: Network, web: Node) -> None:
    def span(began: datetime, ended: datetime | None) -> None:
        OnlineSpan.objects.create(node=web, began=began, ended=ended)

    span(START, START + MINUTE)
    span(START + 2 * MINUTE, START + 3 * MINUTE)
    span(START + 4 * MINUTE, None)
    assert forget_history(before=START + 3 * MINUTE) == 1
    assert spans(web) == [(2, 3), (4, None)]


def test_the_database_knows_one_open_span(web: Node) -> None:
    OnlineSpan.objects.create(node=web, began=START)
    with pytest.raises(IntegrityError), transaction.atomic():
        OnlineSpan.objects.create(node=web, began=START + MINUTE)


def test_the_task_reads_every_network_that_has_news(network: Network, web: Node, clock: Clock) -> None:
    other = NodeFactory(network=NetworkFactory())
    online(web, 1)
    online(other, 2)
    assert networks_with_news() == [network.pk, other.network_id]
    keep_history()
    assert networks_with_news() == []
    assert (spans(web), spans(other)) == ([(1, None)], [(2, None)])
    assert HistoryCursor.objects.get(network=network).version == Network.objects.get(pk=network.pk).map_version
    clock.advance(days=40)
    offline(web, 5, heard=4)
    keep_history()
    assert spans(web) == [], "older than is kept"
