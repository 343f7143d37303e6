"""Reading a network whole: as it was at one instant, and without holding up those who write."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from coordinator.replica.load import load_whole, one_instant
from coordinator.stamps import stamp_at
from mesh.errors import NotFoundError
from nodes.models import Network
from sessions_app.models import User
from tests.fixtures import Join


def rename(network: Network, name: str) -> None:
    """Another process commits."""

    def write() -> None:
        try:
            Network.objects.filter(pk=network.pk).update(name=name)
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    writer.join()


@pytest.mark.django_db(transaction=True)
def test_what_is_committed_meanwhile_is_not_seen(network: Network) -> None:
    names = Network.objects.values_list("name", flat=True)
    if connection.vendor == "sqlite" and "memory" in str(connection.settings_dict["NAME"]):
        # Threads share this database's one cache, where a reader's instant keeps writers out: a file does not.
        with CaptureQueriesContext(connection) as queries, one_instant():
            assert not connection.in_atomic_block
        assert [query["sql"] for query in queries] == ["BEGIN DEFERRED", "ROLLBACK"]
        return
    with one_instant():
        before = names.get()
        rename(network, "renamed")
        assert names.get() == before
    assert names.get() == "renamed"


@pytest.mark.django_db(transaction=True)
def test_the_connection_is_as_before_afterwards(network: Network) -> None:
    with pytest.raises(ValueError, match="broken"), one_instant():
        Network.objects.get()
        raise ValueError("broken")
    with transaction.atomic():
        Network.objects.filter(pk=network.pk).update(name="renamed")
    assert Network.objects.get().name == "renamed"


@pytest.mark.django_db
def test_within_a_transaction_its_own_writes_are_seen(network: Network) -> None:
    with transaction.atomic():
        Network.objects.filter(pk=network.pk).update(name="renamed")
        assert load_whole(network.pk).topology.network.name == "renamed"
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_it_knows_its_place_in_the_change_log(network: Network, ana: User, join: Join) -> None:
    join(ana, "web")
    found = load_whole(network.pk)
    assert found.stamp == stamp_at(network.pk, found.topology.version)
    assert found.stamp is not None
    assert found.stamp[0] == "nodes"


@pytest.mark.django_db
def test_a_network_that_is_not_there() -> None:
    with pytest.raises(NotFoundError):
        load_whole(1)
