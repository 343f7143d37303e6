"""Whom a change can concern at all: the cheap question before the exact one."""

from __future__ import annotations

from collections.abc import Iterable

from mesh.compile.editing import changed_lines
from mesh.compile.ids import IdSet
from mesh.netmap.chunks import parts_of
from mesh.netmap.compare import Comparison
from mesh.netmap.ids import id_set
from mesh.netmap.state import State


def concerned_by_policy(comparison: Comparison, local: IdSet) -> IdSet:
    """The agents whose peers, routes or filter may differ after an edit of the policy or a boundary."""
    after = comparison.after
    old, new = comparison.before.policy, after.policy
    if old.groups != new.groups or not comparison.stable:
        return local
    changed = changed_lines(old.sides.lines, new.sides.lines).changed
    if any(line.own_devices for line in changed):
        return local
    known = len(old.classes.keys)
    differing = [
        number
        for number, (one, other) in enumerate(zip(old.reach.sees, new.reach.sees, strict=False))
        if one is not other and one != other
    ]
    if old.sides.self_lines:
        differing += [
            number
            for number, (one, other) in enumerate(zip(old.reach.same, new.reach.same, strict=False))
            if one is not other and one != other
        ]
    mask = (1 << len(new.classes.keys)) - (1 << known)
    for number in differing:
        mask |= 1 << number
    for line in changed:
        mask |= old.classes.matching(line.destinations) | new.classes.matching(line.destinations)
    concerned = id_set(after, new.nodes_in(mask))
    if not comparison.same_members:
        concerned |= id_set(after, old.nodes_in(mask & ((1 << known) - 1)))
    return concerned & local


def is_presence_alone(comparison: Comparison) -> bool:
    """Whether nothing happened but that nodes came back or fell silent."""
    before, after, touch = comparison.before, comparison.after, comparison.touch
    if touch.policy or touch.users or touch.network or before.policy is not after.policy:
        return False
    node_ids = sorted(touch.nodes)
    old, new = parts_of(before.chunks, node_ids), parts_of(after.chunks, node_ids)
    if not len(old) == len(new) == len(node_ids):
        return False
    return all(
        one.head is other.head and one.reach is other.reach for (_, one), (_, other) in zip(old, new, strict=True)
    )


def moved_sets(before: State, after: State, names: Iterable[str]) -> set[str]:
    """Which of these sets are not what they were."""
    found = set()
    for name in names:
        former, present = before.policy.set_of(name), after.policy.set_of(name)
        if former is not present and former != present:
            found.add(name)
    return found


def others_concerned(comparison: Comparison, local: IdSet) -> IdSet:
    """Agents whose own filter, sets or view of a route may change although their node did not."""
    before, after = comparison.before, comparison.after
    if before.policy is after.policy:
        return id_set(after)
    concerned = id_set(after)
    routed = False
    for node_id in comparison.touch.nodes:
        for state in (before, after):
            node = state.topology.nodes.get(node_id)
            if node is None:
                continue
            routed |= bool(node.routes)
            if node.user is not None:
                concerned |= id_set(after, state.policy.world.of(node.user))
    if routed:
        # Which of a router's routes are reached is each viewer's own matter; and approved routes are part of the
        # source * and leave the internet: any filter may name either.
        return local.copy()
    concerned &= local
    concerned |= _users_of_moved_sets(before, after, local - concerned)
    return concerned


def _users_of_moved_sets(before: State, after: State, node_ids: Iterable[int]) -> IdSet:
    """Agents with a filter that uses a set which is not what it was."""
    used = before.policy.memo.sets.keys() & after.policy.memo.names.keys() | {"*"}
    moved = moved_sets(before, after, used)
    found = id_set(after)
    if moved:
        for node_id in node_ids:
            if not moved.isdisjoint(after.policy.filter_of(node_id)[1]):
                found.add(node_id)
    return found
