"""What a change means for all agents of a worker at once: each body built once for all who get the same.

Most changes concern a few nodes. Then the question is asked from their side: who sees, saw or no longer sees them?
A change of policy, or of many nodes, is asked from the agents' side, class by class.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from mesh.compile.ids import IdSet
from mesh.netmap.audience import Audiences
from mesh.netmap.compare import Comparison
from mesh.netmap.concern import concerned_by_policy, is_presence_alone, others_concerned
from mesh.netmap.delta import rotates_otherwise
from mesh.netmap.ids import id_set
from mesh.netmap.presence import presence_bodies
from mesh.netmap.state import State
from mesh.netmap.views import FEW_NODES, bodies_by_view
from mesh.steps import Touch


@dataclass(slots=True)
class Fan:
    """Bodies with the ids of the nodes they are for. A node stands in one body at most."""

    bodies: list[tuple[bytes, Iterable[int]]] = field(default_factory=list)
    """Joined members of a delta, without braces."""
    whole: set[int] = field(default_factory=set)
    """Nodes that had no map before and have one now: they get it whole."""
    gone: set[int] = field(default_factory=set)
    """Nodes that have no map any more."""


def fan_out(before: State, after: State, touch: Touch, local: IdSet) -> Fan:
    """The bodies that bring the maps of ``local`` nodes from one state to the next."""
    fan = Fan()
    local = id_set(after, local)
    moved = id_set(after, touch.nodes) & local
    for node_id in moved:
        was, is_ = before.topology.present(node_id), after.topology.present(node_id)
        if is_ is None:
            fan.gone.add(node_id)
        elif was is None:
            fan.whole.add(node_id)
    rest = local - id_set(after, fan.gone | fan.whole)
    comparison = Comparison(before, after, touch)
    if len(touch.nodes) > FEW_NODES and is_presence_alone(comparison):
        fan.bodies.extend(presence_bodies(comparison, rest).items())
        return fan
    asked = rest
    if touch.policy and not touch.nodes and not touch.users and not touch.network:
        asked = concerned_by_policy(comparison, rest)
    elif _is_small(comparison):
        single = (moved & rest) | others_concerned(comparison, rest)
        grouped = bodies_by_view(comparison, rest - single)
        if grouped is not None:
            fan.bodies.extend(grouped.items())
            asked = single
    audiences = Audiences(comparison)
    audiences.tell(asked)
    fan.bodies.extend(audiences.bodies().items())
    return fan


def _is_small(comparison: Comparison) -> bool:
    """Whether to ask who sees the few that changed, rather than everybody."""
    touch, old, new = comparison.touch, comparison.before.policy, comparison.after.policy
    if (
        rotates_otherwise(comparison.before, comparison.after)
        or touch.policy
        or len(touch.nodes) + len(touch.users) > FEW_NODES
    ):
        return False
    # With too many policy classes, whose posture is passed over may have changed for nodes that nothing touched.
    return old is new or not (touch.network or old.muted or new.muted)
