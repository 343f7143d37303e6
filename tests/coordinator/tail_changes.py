"""A change that nobody sees, and the version that this process came to."""

from __future__ import annotations

from django.db import transaction

from coordinator.replica import REPLICAS
from mesh.change import Cause, ChangeKind
from nodes.changes import lock_network, record_change
from nodes.models import Network
from tests.fixtures import Clock


def touch(network: Network, clock: Clock) -> int:
    """One more change; its version."""
    with transaction.atomic():
        return record_change(
            network=lock_network(network.pk),
            kind=ChangeKind.PRESENCE,
            facts={"online": [], "offline": []},
            cause=Cause.command(),
            now=clock.at,
        )


def version_of(network: Network) -> int:
    state = REPLICAS.of(network.pk).state
    assert state is not None
    return state.version
