"""Old facts go, versions stay; whoever needs the facts loads the whole."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from coordinator.replica import REPLICAS, current_state
from mesh.change import Cause, ChangeKind
from nodes import tasks
from nodes.models import Change, Network
from nodes.services.endpoints import replace_endpoints
from nodes.services.presence import mark_online
from nodes.services.retention import prune_changes
from nodes.tasks import prune
from sessions_app.models import User
from tests.factories import ChangeFactory, NetworkFactory
from tests.fixtures import START, Clock, Join

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
ACT: dict[str, Any] = {"cause": Cause.system("test"), "now": START}


def change(kind: str, **fields: Any) -> Change:
    """A row of the log with facts and an origin."""
    row: Change = ChangeFactory(kind=kind, facts={"kind": kind}, origin="192.0.2.9", request_id="r-1", **fields)
    return row


def reload(row: Change) -> Change:
    return Change.objects.get(pk=row.pk)


def test_what_stays_of_a_pruned_row() -> None:
    row = change("presence", created_at=START, actor="system:sweep")
    assert prune_changes(kind=ChangeKind.PRESENCE, before=START + DAY) == 1
    after = reload(row)
    assert (after.version, after.kind, after.created_at, after.actor) == (row.version, "presence", START, row.actor)
    assert (after.facts, after.origin, after.request_id, after.pruned) == ({}, "", "", True)


def test_only_its_kind_and_only_what_is_older() -> None:
    old, young = (change("endpoints", created_at=at) for at in (START, START + DAY))
    other = change("nodes", created_at=START)
    assert prune_changes(kind=ChangeKind.ENDPOINTS, before=START + DAY) == 1
    assert [reload(row).pruned for row in (old, young, other)] == [True, False, False]


def test_the_oldest_first_in_batches() -> None:
    rows = [change("presence", created_at=START + number * DAY) for number in range(5)]
    before = START + 9 * DAY
    assert [prune_changes(kind=ChangeKind.PRESENCE, before=before, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert all(reload(row).pruned for row in rows)


def test_the_task_obeys_the_configuration(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "BATCH", 2)
    network = NetworkFactory()
    kept = [change(kind.value, network=network, created_at=START) for kind in ChangeKind]
    many = [change("presence", network=network, created_at=START) for _ in range(5)]
    clock.advance(days=7)
    assert prune() == 0, "what is exactly as old as that is kept"
    clock.advance(seconds=1)
    assert prune() == len(many) + 2
    assert prune() == 0
    assert {row.kind for row in kept if reload(row).pruned} == {"presence", "endpoints"}


def test_every_kind_has_a_key_and_every_key_a_kind(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {kind.value for kind in ChangeKind}
    assert set(type(settings.GHOSTWIRE.retention).model_fields) == keys | {"history", "audit"}
    short = settings.GHOSTWIRE.retention.model_copy(update=dict.fromkeys(keys, DAY))
    monkeypatch.setattr(settings, "GHOSTWIRE", settings.GHOSTWIRE.model_copy(update={"retention": short}))
    for kind in ChangeKind:
        change(kind.value, created_at=START)
    clock.advance(days=2)
    assert prune() == len(ChangeKind)


def test_versions_stay_without_gaps(network: Network, join: Join, ana: User) -> None:
    node = join(ana, "web").node
    mark_online(network_id=network.pk, node_ids=[node.pk], **ACT)
    join(ana, "db")
    versions = list(Change.objects.order_by("version").values_list("version", flat=True))
    prune_changes(kind=ChangeKind.PRESENCE, before=timezone.now() + DAY)
    assert list(Change.objects.order_by("version").values_list("version", flat=True)) == versions
    assert versions == list(range(2, versions[-1] + 1))


@pytest.mark.parametrize("kind", ["presence", "endpoints", "nodes"])
def test_a_replica_that_needs_a_pruned_row_loads_the_whole(
    network: Network, join: Join, ana: User, clock: Clock, kind: str
) -> None:
    node = join(ana, "web").node
    before = current_state(network.pk)
    mark_online(network_id=network.pk, node_ids=[node.pk], **ACT)
    replace_endpoints(node_id=node.pk, endpoints=["203.0.113.7:51820"], **ACT)
    join(ana, "db")
    prune_changes(kind=ChangeKind(kind), before=clock.advance(days=30))
    after = current_state(network.pk)
    assert REPLICAS.of(network.pk).since(before.version) is None, "it followed rows without facts"
    found = after.topology.nodes.get(node.pk)
    assert found is not None
    assert (found.online, found.endpoints, len(after.topology.nodes)) == (True, ("203.0.113.7:51820",), 2)
