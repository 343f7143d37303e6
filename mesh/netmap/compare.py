"""Two states of a network held against each other: what is the same for all viewers is worked out once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mesh.compile.editing import changed_lines
from mesh.compile.ids import IdSet
from mesh.netmap.ids import id_set
from mesh.netmap.parts import encode, host_prefixes, presence_members, static_members
from mesh.netmap.routes import reached_by
from mesh.netmap.state import State
from mesh.steps import Touch
from mesh.topology import NodeRecord


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of a node: members of a peer that are not what they were, and whether its presence is.

    ``changed`` is those members as an entry of ``peers_changed``; None where there are none, or for routers, whose
    routes each viewer sees in its own way.
    """

    members: dict[str, Any]
    seen: bool
    changed: bytes | None
    routed: bool


class Comparison:
    """``before`` and ``after`` are joined by steps that concerned ``touch``. Remembers what it worked out."""

    __slots__ = (
        "_differences",
        "_reowned",
        "_router_mask",
        "_routers",
        "after",
        "before",
        "filtered",
        "same_members",
        "stable",
        "touch",
        "touched",
    )

    def __init__(self, before: State, after: State, touch: Touch) -> None:
        self.before, self.after, self.touch = before, after, touch
        self.touched: IdSet = id_set(after, touch.nodes)
        old, new = before.policy, after.policy
        # Class numbers mean the same, and nodes that were not touched are in the class in which they were.
        self.stable = old.lineage is new.lineage and not old.muted and not new.muted
        self.same_members = self.stable and old.classes.members is new.classes.members
        self.filtered = self._filtered()
        self._differences: dict[int, Difference] = {}
        self._reowned: list[tuple[int, int]] | None = None
        self._routers: list[tuple[int, int, int]] | None = None
        self._router_mask = 0

    def _filtered(self) -> int | None:
        """The classes whose filters may differ, where only rules changed; None where that cannot be told."""
        old, new = self.before.policy, self.after.policy
        if old is new:
            return 0
        if not self.same_members or old.groups != new.groups or old.world is not new.world:
            return None
        mask = 0
        for line in changed_lines(old.sides.lines, new.sides.lines).changed:
            mask |= new.classes.matching(line.destinations)
            if line.own_devices:
                mask |= new.classes.owned
        return mask

    def difference(self, node_id: int) -> Difference:
        """What became of a touched node that takes part in both states."""
        found = self._differences.get(node_id)
        if found is None:
            found = self._differences[node_id] = self._compare(node_id)
        return found

    def _compare(self, node_id: int) -> Difference:
        old, new = self.before.topology.nodes.get(node_id), self.after.topology.nodes.get(node_id)
        assert old is not None
        assert new is not None
        seen = old.online != new.online or (not new.online and old.last_seen != new.last_seen)
        former, present = self.before.chunk_part(node_id), self.after.chunk_part(node_id)
        if former is not None and present is not None and former.head is present.head:
            return Difference({}, seen, None, bool(new.routes) and self.before.policy is not self.after.policy)
        members = self._static(old, new)
        # A policy that did not move has a router's routes and addresses where they were.
        routed = bool(old.routes or new.routes) and self.before.policy is not self.after.policy
        if not routed and old.addresses != new.addresses:
            members["allowed_ips"] = host_prefixes(new.addresses)
        changed = None
        if members and not routed:
            changed = encode({"id": node_id} | members | (presence_members(new) if seen else {}))
        return Difference(members, seen, changed, routed)

    def _static(self, old: NodeRecord, new: NodeRecord) -> dict[str, Any]:
        former = static_members(old, self.before.attributes_of(old.id))
        present = static_members(new, self.after.attributes_of(new.id))
        return {name: value for name, value in present.items() if former[name] != value}

    def changed_peer(self, node_id: int, old_row: int, new_row: int) -> tuple[bytes | None, bool]:
        """An entry of ``peers_changed``, if the peer needs one, for those who saw ``old_row`` and see ``new_row``; and
        whether instead its presence alone is to be told."""
        found = self.difference(node_id)
        members = found.members
        if not found.routed:
            return found.changed, found.seen and found.changed is None
        old, new = self.before.topology.nodes.get(node_id), self.after.topology.nodes.get(node_id)
        assert old is not None
        assert new is not None
        former, was_exit = reached_by(self.before.policy, old, old_row)
        present, is_exit = reached_by(self.after.policy, new, new_row)
        members = dict(members)
        if former != present or old.addresses != new.addresses:
            members["allowed_ips"] = [*host_prefixes(new.addresses), *present]
        if was_exit != is_exit:
            members["exit_node"] = is_exit
        if not members:
            return None, found.seen
        return encode({"id": node_id} | members | (presence_members(new) if found.seen else {})), False

    def reowned(self) -> list[tuple[int, int]]:
        """The touched nodes that belong to another user than before, with that user."""
        if self._reowned is None:
            self._reowned = []
            for node_id in self.touch.nodes:
                new = self.after.topology.nodes.get(node_id)
                if new is not None and new.user is not None:
                    old = self.before.topology.nodes.get(node_id)
                    if old is None or old.user != new.user:
                        self._reowned.append((node_id, new.user))
        return self._reowned

    def routers_between(self, old_row: int, new_row: int) -> list[tuple[int, int, int]]:
        """The routers of whose routes a viewer may reach others than before, without their having been touched; each
        with the classes that it has and those that it had."""
        if self._routers is None:
            old, new = self.before.policy, self.after.policy
            routers = () if old is new else new.world.routers
            self._routers = [(router, new.shape(router).mask, old.shape(router).mask) for router in routers]
            # Where one has other classes than before, it is to be compared for all.
            for _, mask, former in self._routers:
                self._router_mask |= mask if mask == former else -1
        if not self.stable:
            return self._routers
        differing = old_row ^ new_row
        if self._router_mask >= 0 and not differing & self._router_mask:
            return []
        return [item for item in self._routers if differing & item[1] or item[1] != item[2]]
