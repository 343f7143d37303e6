"""Whom a change of policy or presence can concern at all: the cheap question before the exact one."""

from __future__ import annotations

from collections.abc import Iterable

from mesh.compile import CompiledPolicy
from mesh.compile.editing import changed_lines
from mesh.compile.ids import IdSet
from mesh.netmap.ids import id_set
from mesh.netmap.state import State
from mesh.steps import Touch


def classes_are_stable(before: CompiledPolicy, after: CompiledPolicy) -> bool:
    """Whether class numbers mean the same in both: the later one moved on from the earlier one, as a rule."""
    old, new = before.classes.keys, after.classes.keys
    return old is new or new[: len(old)] == old


def concerned_by_policy(before: State, after: State, local: IdSet) -> IdSet:
    """The agents whose peers, routes or filter may differ after an edit of the policy or a boundary."""
    old, new = before.policy, after.policy
    if old.groups != new.groups or not classes_are_stable(old, new) or old.muted or new.muted:
        return local
    changed = changed_lines(old.sides.lines, new.sides.lines).changed
    if any(line.own_devices for line in changed):
        return local
    known = len(old.classes.keys)
    has_own = bool(old.sides.self_lines)
    mask = 0
    for number in range(len(new.classes.keys)):
        if (
            number >= known
            or old.reach.sees[number] != new.reach.sees[number]
            or (has_own and old.reach.same[number] != new.reach.same[number])
        ):
            mask |= 1 << number
    for line in changed:
        mask |= old.classes.matching(line.destinations) | new.classes.matching(line.destinations)
    return (id_set(after, old.nodes_in(mask & ((1 << known) - 1))) | id_set(after, new.nodes_in(mask))) & local


def routers_to_compare(
    before: State, after: State, viewer_id: int, memo: dict[object, frozenset[int]]
) -> frozenset[int]:
    """The routers of whose routes a viewer may reach others than before. ``memo`` is one comparison's own."""
    old, new = before.policy, after.policy
    key = (old.class_of(viewer_id), new.class_of(viewer_id))
    found = memo.get(key)
    if found is None:
        if memo.get("stable") is None:
            memo["stable"] = frozenset({1} if classes_are_stable(old, new) else ())
        routers = new.world.routers
        if memo["stable"]:
            differing = old.row(old.shape(viewer_id)) ^ new.row(new.shape(viewer_id))
            routers = frozenset(
                router
                for router in routers
                if differing & new.shape(router).mask or old.shape(router).mask != new.shape(router).mask
            )
        found = memo[key] = routers
    return found


def is_presence_alone(before: State, after: State, touch: Touch) -> bool:
    """Whether nothing happened but that nodes came back or fell silent."""
    if touch.policy or touch.users or touch.network or before.policy is not after.policy:
        return False
    for node_id in touch.nodes:
        old, new = before.chunk_part(node_id), after.chunk_part(node_id)
        if old is None or new is None or old.head != new.head or old.reach != new.reach:
            return False
    return True


def moved_sets(before: State, after: State, names: Iterable[str]) -> set[str]:
    """Which of these sets are not what they were."""
    found = set()
    for name in names:
        former, present = before.policy.set_of(name), after.policy.set_of(name)
        if former is not present and former != present:
            found.add(name)
    return found
