"""The change log: no gaps, whole causes, and hints only for what was committed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import IntegrityError, transaction

from mesh.change import Cause, ChangeKind
from mesh.errors import NotFoundError
from nodes import hints
from nodes.changes import lock_network, lock_node, record_change
from nodes.models import Change, Network
from tests.factories import NetworkFactory, NodeFactory
from tests.fixtures import START

CAUSE = Cause("user:7", "192.0.2.1", "request-1")


def record(network_id: int) -> int:
    network = lock_network(network_id)
    return record_change(network=network, kind=ChangeKind.NETWORK, facts={"a": [1]}, cause=CAUSE, now=START)


@pytest.fixture
def heard() -> Iterator[list[tuple[int, int]]]:
    """The hints of this process."""
    told: list[tuple[int, int]] = []

    def listen(network_id: int, version: int) -> None:
        told.append((network_id, version))

    hints.subscribe(listen)
    yield told
    hints.unsubscribe(listen)


@pytest.mark.django_db
def test_versions_follow_one_another() -> None:
    network = NetworkFactory()
    before = network.map_version
    with transaction.atomic():
        assert [record(network.pk) for _ in range(3)] == [before + 1, before + 2, before + 3]
    assert Network.objects.get().map_version == before + 3


@pytest.mark.django_db
def test_each_network_counts_for_itself() -> None:
    first, second = NetworkFactory(), NetworkFactory()
    with transaction.atomic():
        record(first.pk)
        record(first.pk)
        assert record(second.pk) == second.map_version + 1


@pytest.mark.django_db
def test_the_row_says_what_who_when_and_from_where() -> None:
    network = NetworkFactory()
    with transaction.atomic():
        version = record(network.pk)
    (row,) = Change.objects.values()
    assert row == {
        "id": row["id"],
        "network_id": network.pk,
        "version": version,
        "kind": "network",
        "facts": {"a": [1]},
        "actor": "user:7",
        "origin": "192.0.2.1",
        "request_id": "request-1",
        "created_at": START,
        "pruned": False,
    }


@pytest.mark.django_db
def test_a_version_stands_once() -> None:
    network = NetworkFactory()
    with transaction.atomic():
        record(network.pk)
    Network.objects.update(map_version=network.map_version)
    with pytest.raises(IntegrityError), transaction.atomic():
        record(network.pk)


@pytest.mark.django_db(transaction=True)
def test_hints_come_after_the_commit(heard: list[tuple[int, int]]) -> None:
    network = NetworkFactory()
    with transaction.atomic():
        version = record(network.pk)
        assert heard == []
    assert heard == [(network.pk, version)]


@pytest.mark.django_db(transaction=True)
def test_and_never_after_a_rollback(heard: list[tuple[int, int]]) -> None:
    network = NetworkFactory()
    with pytest.raises(RuntimeError), transaction.atomic():
        record(network.pk)
        raise RuntimeError("away with it")
    assert heard == []
    assert not Change.objects.exists()
    with transaction.atomic():
        assert record(network.pk) == network.map_version + 1


@pytest.mark.django_db(transaction=True)
def test_a_part_that_is_taken_back_hints_nothing(heard: list[tuple[int, int]]) -> None:
    network = NetworkFactory()
    with transaction.atomic():
        with pytest.raises(RuntimeError), transaction.atomic():
            record(network.pk)
            raise RuntimeError("this part only")
        version = record(network.pk)
    assert heard == [(network.pk, version)]


@pytest.mark.django_db(transaction=True)
def test_no_lock_outside_a_transaction() -> None:
    network = NetworkFactory()
    with pytest.raises(RuntimeError):
        lock_network(network.pk)


@pytest.mark.django_db
def test_what_is_not_there() -> None:
    with pytest.raises(NotFoundError):
        lock_network(9)
    with pytest.raises(NotFoundError):
        lock_node(9)


@pytest.mark.django_db
def test_a_node_is_read_under_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    node = NodeFactory()

    def slow(network_id: int) -> Network:
        node.delete()
        return Network.objects.get(pk=network_id)

    monkeypatch.setattr("nodes.changes.lock_network", slow)
    with pytest.raises(NotFoundError):
        lock_node(node.pk)


def test_who_does_not_listen_any_more_hears_nothing(heard: list[tuple[int, int]]) -> None:
    hints.publish(1, 2)
    hints.unsubscribe(print)
    assert heard == [(1, 2)]
