"""Whom a change can concern at all: the cheap question before the exact one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from mesh.compile import CompiledPolicy
from mesh.compile.bits import large_mask_of
from mesh.compile.editing import changed_lines
from mesh.compile.ids import IdSet
from mesh.compile.rows import Line
from mesh.netmap.chunks import parts_of
from mesh.netmap.compare import Comparison
from mesh.netmap.ids import id_set, peers_of
from mesh.netmap.state import State
from mesh.policy.selectors import SelectorKind

FEW_MOVED: Final = 64


def concerned_by_policy(comparison: Comparison, local: IdSet) -> IdSet:
    """The agents whose peers, routes or filter may differ after an edit of the policy or a boundary."""
    after = comparison.after
    old, new = comparison.before.policy, after.policy
    changed = changed_lines(old.sides.lines, new.sides.lines).changed
    regrouped = [line for line in new.sides.lines if _is_regrouped(line, old, new)]
    moved = _moved_nodes(comparison)
    if moved is None or any(line.own_devices for line in (*changed, *regrouped)):
        return local
    columns = (1 << len(old.classes.keys)) - 1
    differing = _differing(old.reach.sees, new.reach.sees, columns)
    if old.sides.self_lines:
        differing += _differing(old.reach.same, new.reach.same, columns)
    mask = large_mask_of(differing, len(new.classes.keys))
    for line in (*changed, *regrouped):
        mask |= new.classes.matching(line.destinations)
    concerned = id_set(after, new.nodes_in(mask)) | moved
    for node_id in moved:
        concerned |= peers_of(comparison.before, node_id, after) ^ peers_of(after, node_id, after)
    return concerned & local


def _differing(before: Sequence[int], after: Sequence[int], columns: int) -> list[int]:
    """The rows that differ in ``columns``; others are about new classes, whose nodes are looked at themselves."""
    return [
        number
        for number, (one, other) in enumerate(zip(before, after, strict=False))
        if one is not other and (one ^ other) & columns
    ]


def _is_regrouped(line: Line, old: CompiledPolicy, new: CompiledPolicy) -> bool:
    """Whether a group among the sources has other members than before: then so has a set in filters."""
    if old.groups is new.groups:
        return False
    return any(
        term.selector.kind is SelectorKind.GROUP
        and old.groups.get(term.selector.name) != new.groups.get(term.selector.name)
        for term in line.said.sources
    )


def _moved_nodes(comparison: Comparison) -> IdSet | None:
    """The nodes that came into other classes without being touched; None where those are many, or route."""
    after = comparison.after
    old, new = comparison.before.policy, after.policy
    if not comparison.stable or old.world is not new.world:
        return None
    moved = id_set(after)
    if old.classes.members is new.classes.members:
        return moved
    known = len(old.classes.keys)
    for one, other in zip(old.classes.members, new.classes.members, strict=False):
        if one is not other:
            moved |= one ^ other
            if len(moved) > FEW_MOVED:
                return None
    for fresh in new.classes.members[known:]:
        moved |= fresh
    if len(moved) > FEW_MOVED or not new.world.routers.isdisjoint(moved):
        return None
    return moved


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
