"""How far a change has come: which connected agents it concerns, which of them have it, and how long that took."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from coordinator.acknowledgements import ACKNOWLEDGED, KEPT, Acknowledgement
from coordinator.pacing import gaining_many
from coordinator.replica import REPLICAS, current_state
from mesh.errors import NotFoundError
from mesh.netmap.fan import fan_out
from mesh.netmap.ids import id_set
from nodes.models import Change


@dataclass(frozen=True, slots=True)
class Delivery:
    """Of one change. Node ids ascend; both lists are None where the change is too old for this process to tell whom
    it concerned."""

    version: int
    acknowledged: list[int] | None
    """Connected agents whose maps it changed, and who applied it, or a later version."""
    waiting: list[int] | None
    """Those who have not yet."""
    last_node: int | None
    """Who was the last to acknowledge it, among those of whom the instant is still known."""
    last_took: timedelta | None
    """How long that one took, from the change's own instant on."""


def delivery_of(*, network_id: int, version: int) -> Delivery:
    """Looks at the map's states around a change and at what agents acknowledged, whichever worker they speak to.

    Raises NotFoundError if there is no such change.
    """
    change = Change.objects.filter(network_id=network_id, version=version).defer("facts").first()
    if change is None:
        raise NotFoundError(f"There is no change {version}.")
    epoch = current_state(network_id).epoch
    concerned = concerned_by(network_id, version)
    if concerned is None:
        return Delivery(version, None, None, None, None)
    known = ACKNOWLEDGED.of(concerned)
    have = {
        node_id: items
        for node_id, items in known.items()
        if items and (items[0].epoch, items[0].version) >= (epoch, version)
    }
    firsts = {node_id: first for node_id, items in have.items() if (first := _first(items, epoch, version)) is not None}
    last = max(firsts, key=lambda node_id: firsts[node_id].at, default=None)
    took = None if last is None else max(timedelta(0), firsts[last].at - change.created_at)
    return Delivery(version, sorted(have), sorted(concerned - have.keys()), last, took)


def concerned_by(network_id: int, version: int) -> set[int] | None:
    """The connected agents whose maps the step to ``version`` changed; None if this process's replica did not see it.

    Connected is whom the network believes online.
    """
    replica = REPLICAS.of(network_id)
    latest, start, end = replica.state, replica.since(version - 1), replica.since(version)
    if latest is None or start is None or end is None:
        return None
    (before, touch), (after, _) = start, end
    nodes = latest.topology.nodes
    online = {node.id for node in nodes.values() if node.online and latest.topology.is_present(node)}
    local = id_set(after, online)
    heavy = gaining_many(before, after, touch, local)
    fan = fan_out(before, after, touch, local - heavy)
    found = {*fan.whole, *heavy}
    for _members, node_ids in fan.bodies:
        found.update(node_ids)
    return {node_id for node_id in found if after.topology.present(node_id) is not None}


def _first(items: tuple[Acknowledgement, ...], epoch: int, version: int) -> Acknowledgement | None:
    """The acknowledgement by which a node first had a version; None if it may be among those that are not kept."""
    later = [item for item in items if (item.epoch, item.version) >= (epoch, version)]
    return later[-1] if len(later) < len(items) or len(items) < KEPT else None
