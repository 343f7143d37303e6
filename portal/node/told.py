"""How far a node's agent is: the map that it acknowledged beside the one that there is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from redis.exceptions import RedisError

from coordinator.acknowledgements import ACKNOWLEDGED, Acknowledgement
from coordinator.replica import REPLICAS
from mesh.netmap.delta import delta_body
from mesh.netmap.state import State
from nodes.models import Change, Node
from portal import html


@dataclass(frozen=True, slots=True)
class Told:
    """``version`` is what the agent applied last, ``took`` how long after it was made; ``behind``: its map differs from
    the present one (None: that cannot be told). ``words`` say it all."""

    version: int | None
    at: datetime | None
    took: timedelta | None
    behind: bool | None
    words: str


def told_of(node: Node, state: State, now: datetime) -> Told:
    """What is known of a node's agent. Few queries, and no map is built."""
    try:
        known = ACKNOWLEDGED.of([node.pk]).get(node.pk, ())
    except RedisError:
        return Told(None, None, None, None, "what it acknowledged cannot be read now")
    if state.topology.present(node.pk) is None:
        return Told(None, None, None, None, "it has no map now")
    if not known:
        return Told(None, None, None, None, "it has acknowledged none yet")
    latest = known[0]
    made = Change.objects.filter(network_id=node.network_id, version=latest.version).values_list(
        "created_at", flat=True
    )
    began = made.first()
    took = None if began is None else max(timedelta(0), latest.at - began)
    behind = _is_behind(node.pk, state, latest)
    return Told(latest.version, latest.at, took, behind, _words(latest, state, took, behind, now))


def _is_behind(node_id: int, state: State, latest: Acknowledgement) -> bool | None:
    if latest.epoch != state.epoch:
        return True
    if latest.version >= state.version:
        return False
    known = REPLICAS.of(state.topology.network.id).since(latest.version)
    if known is None or known[0].topology.present(node_id) is None:
        return None
    before, touch = known
    return delta_body(before, state, node_id, touch) is not None


def _words(latest: Acknowledgement, state: State, took: timedelta | None, behind: bool | None, now: datetime) -> str:
    speed = "" if took is None else f", acknowledged in {duration(took)}"
    if behind is False:
        return f"current{speed}"
    since = html.span_words(now - latest.at)
    if behind is None:
        return f"acknowledged {since} ago; whether anything since concerns it is not known any more"
    missing = state.version - latest.version
    return f"{html.many(missing, 'version')} behind, acknowledged {since} ago"


def duration(span: timedelta) -> str:
    """``0.3 s`` below ten seconds, else in one unit."""
    seconds = span.total_seconds()
    return f"{seconds:.1f} s" if seconds < 10 else html.span_words(span)
