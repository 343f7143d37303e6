"""An act on all nodes at once, as a job: how long it takes, how large its change is, how soon it is known."""

# ruff: noqa: PLC0415 - models can be imported once Django knows its database

from __future__ import annotations

import json
import time
from typing import Any


def tag_all(nodes: int) -> dict[str, Any]:
    """What it costs to tag all nodes, all of them tagged already, as one change, and to undo it."""
    import django

    django.setup()
    from django.utils import timezone

    from coordinator.finding.criteria import Criteria
    from coordinator.jobs.services import plan_job, start_job, undo_job
    from coordinator.replica import current_state
    from mesh.change import Cause
    from nodes.models import Network, Node, NodeTag

    network = Network.objects.get()
    bare = list(Node.objects.filter(tagged=False).values_list("pk", flat=True))
    Node.objects.filter(tagged=False).update(owner=None, tagged=True)
    NodeTag.objects.bulk_create((NodeTag(node_id=pk, tag="tag:t1") for pk in bare), 5000)
    current_state(network.pk)
    cause = Cause.command()
    planned = plan_job(
        network_id=network.pk,
        act="tags",
        criteria=Criteria(),
        arguments={"tags": ["tag:eu"]},
        cause=cause,
        now=timezone.now(),
    )
    start_job(job_id=planned.pk, nodes=planned.total, cause=cause, now=timezone.now())
    tagged = _carried_out(planned.pk)
    undone = _carried_out(undo_job(job_id=planned.pk, cause=cause, now=timezone.now()).pk)
    return {"jobs": {"tagged as a job": tagged, "the job undone": undone}}


def _carried_out(job_id: int) -> dict[str, Any]:
    from coordinator.jobs.run import run_job
    from coordinator.replica import REPLICAS
    from nodes.models import Change, Job

    began = time.perf_counter()
    run_job(job_id=job_id)
    seconds = time.perf_counter() - began
    done = Job.objects.get(pk=job_id)
    facts = Change.objects.get(network=done.network_id, version=done.versions[0]).facts
    began = time.perf_counter()
    REPLICAS.of(done.network_id).catch_up(done.versions[-1])
    return {
        "changed": done.changed,
        "versions": len(done.versions),
        "seconds": seconds,
        "kilobytes": len(json.dumps(facts)) / 1000,
        "replica": time.perf_counter() - began,
    }
