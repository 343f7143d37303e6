"""A job before it is carried out: exactly whom it changes, and what is cut. Writes nothing."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from coordinator.consequences import Consequences, of_leaving, of_tags
from coordinator.jobs.acts import ACTS, UNDO, Plan
from coordinator.jobs.rows import NodeRow, read_rows
from coordinator.jobs.run import decide
from mesh.errors import GhostWireError
from nodes.models import Job, Network

REMEMBERED: Final = 8
_known: OrderedDict[tuple[int, int, str], Preview] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Preview:
    """``changes`` nodes change, ``same`` are so already, ``left`` cannot be changed, as (id, name, why).

    ``taken``: people's nodes that will belong to tags. ``cut``: what peers lose; None where nobody loses anything, or
    where the policy's engine cannot say (``unknown``).
    """

    total: int
    changes: int
    same: int
    left: tuple[tuple[int, str, str], ...]
    taken: int
    first: tuple[tuple[int, str], ...]
    cut: Consequences | None
    unknown: str = ""


def preview_of(job: Job, now: datetime) -> Preview | None:
    """What a planned job would do now; None while it lacks arguments. Asked again of the same map, it is remembered."""
    if job.act == UNDO or (job.act == "tags" and not job.arguments):
        return None
    version = Network.objects.values_list("map_version", flat=True).get(pk=job.network_id)
    key = (job.pk, version, repr(sorted(job.arguments.items())))
    found = _known.get(key)
    if found is None:
        found = _known[key] = _look(job, now)
        while len(_known) > REMEMBERED:
            _known.popitem(last=False)
    return found


def _look(job: Job, now: datetime) -> Preview:
    act = ACTS[job.act]
    rows = read_rows(job.network_id, job.node_ids)
    plan, _ = decide(act, job.network_id, rows, job.arguments, now)
    there = {row.id: row for row in rows}
    left = [*plan.left, *((pk, f"node {pk}", "is gone") for pk in job.node_ids if pk not in there)]
    changed = [*plan.sets, *plan.removed]
    taken = sum("user" in new for new in plan.sets.values())
    cut, unknown = None, ""
    try:
        cut = _cut(job, plan) if act.cuts or act.name == "tags" else None
    except GhostWireError as error:
        unknown = error.detail
    return Preview(
        total=job.total,
        changes=len(changed),
        same=job.total - len(changed) - len(left),
        left=tuple(left),
        taken=taken,
        first=_first(there, changed),
        cut=cut,
        unknown=unknown,
    )


def _cut(job: Job, plan: Plan) -> Consequences | None:
    if job.act == "tags":
        tags = {pk: new["tags"] for pk, new in plan.sets.items()}
        return of_tags(network_id=job.network_id, tags=tags) if tags else None
    leaving = [*plan.sets, *plan.removed]
    return of_leaving(network_id=job.network_id, node_ids=leaving) if leaving else None


def _first(there: dict[int, NodeRow], changed: list[int], most: int = 50) -> tuple[tuple[int, str], ...]:
    return tuple((pk, there[pk].name) for pk in changed[:most])
