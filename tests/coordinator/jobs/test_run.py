"""Acts on very many nodes: one change, one frame an agent, each node once whoever dies, and undone as it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from coordinator.fanout import Audience, Fanout, Push
from coordinator.finding.criteria import Criteria
from coordinator.jobs import acts, run
from coordinator.jobs.run import LEASE, run_job, run_jobs
from coordinator.jobs.services import cancel_job, forget_plans, plan_job, set_arguments, start_job, undo_job
from coordinator.replica import REPLICAS, current_state
from mesh.errors import ConflictError, ValidationError
from nodes.models import Change, Job, Network, Node, NodeTag, RetiredKey
from sessions_app.models import NodeSession
from tests import factories as make
from tests.coordinator.jobs.fleet import tagged_nodes
from tests.coordinator.jobs.running import CAUSE, carry_out, facts, fields_of, start, undo

pytestmark = pytest.mark.django_db
FLEET = 300


class Reader:
    """A connected agent that counts what it is sent. It is its own loop."""

    def __init__(self, network_id: int, node_id: int) -> None:
        self.audience = Audience(network_id, node_id, node_id)
        self.loop: Any = self
        self.pushes: list[Push] = []

    def is_closed(self) -> bool:
        return False

    def call_soon_threadsafe(self, action: Callable[..., Any], *arguments: Any) -> None:
        action(*arguments)

    def push(self, push: Push) -> None:
        self.pushes.append(push)

    def close(self, code: int) -> None:
        raise AssertionError(f"closed with {code}")


def test_a_fleet_is_tagged_by_one_change_with_one_frame_an_agent_and_undone(network: Network) -> None:
    nodes = tagged_nodes(network, FLEET)
    NodeSession.objects.bulk_create(
        make.NodeSessionFactory.build(node=node, pk=node.pk, digest=bytes(24) + node.pk.to_bytes(8)) for node in nodes
    )
    as_they_were, before = facts(network), current_state(network.pk)
    fanout, readers = Fanout(), [Reader(network.pk, node.pk) for node in nodes]
    for reader in readers:
        fanout.add(reader)
    versions = Change.objects.count()
    job = carry_out(network, "tags", tags=["tag:eu"])
    assert (job.state, job.changed, Change.objects.count() - versions) == ("done", FLEET, 1)
    assert NodeTag.objects.filter(tag="tag:eu").count() == FLEET
    after = current_state(network.pk)
    known = REPLICAS.of(network.pk).since(before.version)
    assert known is not None
    fanout._settle = lambda nodes, state: None  # type: ignore[method-assign]  # no event loop runs here
    fanout.deliver(before, after, known[1])
    assert Counter(len(reader.pushes) for reader in readers) == {1: FLEET}
    assert dict(after.topology.nodes.items()) == facts(network)
    assert undo(job).changed == FLEET
    assert facts(network) == as_they_were
    assert dict(current_state(network.pk).topology.nodes.items()) == as_they_were


@pytest.mark.parametrize("act", ["disable", "expire", "approve", "enable"])
def test_undone_nodes_are_what_they_were(network: Network, act: str) -> None:
    later = timezone.now() + timedelta(days=9)
    for state in ("active", "pending", "disabled", "expired"):
        make.NodeFactory(network=network, state=state, key_expires_at=later, online=False)
    as_they_were = facts(network)
    job = carry_out(network, act)
    assert facts(network) != as_they_were
    undo(job)
    assert facts(network) == as_they_were
    assert dict(current_state(network.pk).topology.nodes.items()) == as_they_were


def test_people_get_their_nodes_back(network: Network) -> None:
    node = make.NodeFactory(network=network, online=True)
    make.NodeSessionFactory(node=node)
    owner = node.owner_id
    job = carry_out(network, "tags", mode="set", tags=["tag:kiosk"])
    node.refresh_from_db()
    assert (node.owner, node.tagged, node.login_required, node.online) == (None, True, True, False)
    assert NodeSession.objects.get().end_reason == NodeSession.End.REVOKED
    undo(job)
    node.refresh_from_db()
    assert (node.owner_id, node.tagged, node.login_required) == (owner, False, False)
    assert not node.tags.exists()


def test_who_was_changed_since_is_left_and_named(network: Network) -> None:
    one, two = tagged_nodes(network, 2)
    job = carry_out(network, "disable")
    Node.objects.filter(pk=two.pk).update(state="active")
    undoing = undo(job)
    assert undoing.reasons == [[two.pk, "m-2", "was changed since (state)"]]
    assert (undoing.changed, undoing.left) == (1, 1)
    assert Node.objects.get(pk=one.pk).state == "active"


def test_a_job_is_undone_once(network: Network) -> None:
    tagged_nodes(network, 1)
    job = carry_out(network, "disable")
    undo(job)
    with pytest.raises(ConflictError, match="undone already"):
        undo_job(job_id=job.pk, cause=CAUSE, now=timezone.now())


def test_a_worker_that_died_is_followed_by_another(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = tagged_nodes(network, 5)
    monkeypatch.setitem(acts.ACTS, "delete", acts.Act(**{**fields_of(acts.ACTS["delete"]), "chunk": 2}))
    job = start(network, "delete")
    steps = iter([True])
    real = run._step

    def dies(*arguments: Any) -> bool:
        if next(steps, None) is None:
            raise KeyboardInterrupt  # as if the process were killed: nothing is tidied up
        return real(*arguments)

    monkeypatch.setattr(run, "_step", dies)
    with pytest.raises(KeyboardInterrupt):
        run_jobs()
    job.refresh_from_db()
    assert (job.state, job.position, Node.objects.count()) == ("running", 2, 3)
    monkeypatch.setattr(run, "_step", real)
    assert run_jobs() == 0  # it may be alive
    assert run_jobs(now=timezone.now() + LEASE + timedelta(seconds=1)) == 1
    job.refresh_from_db()
    assert (job.state, job.changed, job.left, len(job.versions)) == ("done", 5, 0, 3)
    assert RetiredKey.objects.count() == len(nodes)


def test_a_worker_that_only_seemed_dead_does_nothing_twice(network: Network) -> None:
    tagged_nodes(network, 3)
    job = start(network, "disable")
    taken = run._take(timezone.now())
    assert taken is not None
    late = timezone.now() + LEASE + timedelta(seconds=1)
    run_jobs(now=late)
    assert run._step(taken.pk, taken.lease, late) is False
    job.refresh_from_db()
    assert (job.state, job.changed, len(job.versions)) == ("done", 3, 1)


def test_a_job_under_way_stops_when_it_is_cancelled(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    tagged_nodes(network, 5)
    monkeypatch.setitem(acts.ACTS, "delete", acts.Act(**{**fields_of(acts.ACTS["delete"]), "chunk": 2}))
    job = start(network, "delete")
    real = run._step

    def cancelled(*arguments: Any) -> bool:
        more = real(*arguments)
        Job.objects.filter(pk=job.pk, state="running").update(cancel_requested=True)
        return more

    monkeypatch.setattr(run, "_step", cancelled)
    run_jobs()
    job.refresh_from_db()
    assert (job.state, job.changed, Node.objects.count()) == ("cancelled", 2, 3)


def test_whom_it_is_about_is_fixed_when_it_is_planned(network: Network) -> None:
    tagged_nodes(network, 2)
    job = plan_job(
        network_id=network.pk, act="disable", criteria=Criteria(), arguments={}, cause=CAUSE, now=timezone.now()
    )
    late = make.NodeFactory(network=network)
    with pytest.raises(ConflictError, match="not 3"):
        start_job(job_id=job.pk, nodes=3, cause=CAUSE, now=timezone.now())
    start_job(job_id=job.pk, nodes=2, cause=CAUSE, now=timezone.now())
    run_job(job_id=job.pk)
    late.refresh_from_db()
    assert late.state == "active"


def test_a_job_begins_with_its_arguments(network: Network) -> None:
    tagged_nodes(network, 1)
    job = plan_job(
        network_id=network.pk, act="tags", criteria=Criteria(), arguments=None, cause=CAUSE, now=timezone.now()
    )
    with pytest.raises(ValidationError):
        start_job(job_id=job.pk, nodes=1, cause=CAUSE, now=timezone.now())
    set_arguments(job_id=job.pk, arguments={"tags": ["tag:eu"]})
    start_job(job_id=job.pk, nodes=1, cause=CAUSE, now=timezone.now())
    with pytest.raises(ConflictError):
        set_arguments(job_id=job.pk, arguments={"tags": ["tag:us"]})


def test_plans_do_not_wait_for_ever(network: Network) -> None:
    tagged_nodes(network, 1)
    now = timezone.now()
    plan_job(network_id=network.pk, act="disable", criteria=Criteria(), arguments={}, cause=CAUSE, now=now)
    assert forget_plans(now=now + timedelta(minutes=30)) == 0
    assert forget_plans(now=now + timedelta(minutes=61)) == 1


def test_a_failure_is_told_and_ends_the_job(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    tagged_nodes(network, 1)
    job = start(network, "disable")

    def fails(**_: Any) -> int:
        raise ValidationError("The policy cannot be read.")

    monkeypatch.setattr(run, "write_sets", fails)
    run_jobs()
    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", "The policy cannot be read.")
    with pytest.raises(ConflictError):
        cancel_job(job_id=job.pk, now=timezone.now())
