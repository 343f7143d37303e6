"""Periodic work, as the worker calls it: every network, and no harm when doubled."""

from __future__ import annotations

import pytest

from coordinator.challenges import Proof, record_proof
from coordinator.tasks import expire, forget_old_challenges, remove_ephemeral
from nodes.models import Change, Network, Node
from sessions_app.models import NodeSession, UsedChallenge, User
from tests.factories import NodeFactory, NodeSessionFactory
from tests.fixtures import START, Clock, Join

pytestmark = pytest.mark.usefixtures("clock")


def test_sessions_and_keys_end_in_every_network(join: Join, ana: User, clock: Clock) -> None:
    mine = join(ana, "web").node
    other = NodeSessionFactory(expires_at=START).node
    clock.advance(days=181)
    assert expire() == 3
    assert not NodeSession.objects.filter(ended_at=None).exists()
    assert dict(Node.objects.values_list("pk", "state")) == {mine.pk: "expired", other.pk: "active"}
    assert expire() == 0


def test_a_quiet_run_writes_nothing(join: Join, ana: User) -> None:
    join(ana, "web")
    before = Change.objects.count()
    assert [expire(), remove_ephemeral(), forget_old_challenges()] == [0, 0, 0]
    assert Change.objects.count() == before


def test_ephemeral_nodes_of_every_network(db: None, clock: Clock) -> None:
    for _ in range(2):
        NodeFactory(ephemeral=True)
    clock.advance(hours=1)
    assert remove_ephemeral() == 2
    assert (Node.objects.count(), Network.objects.count()) == (0, 2)


def test_old_challenges(db: None, clock: Clock) -> None:
    record_proof(Proof("key", b"n" * 16, START))
    assert forget_old_challenges() == 1
    assert not UsedChallenge.objects.exists()
