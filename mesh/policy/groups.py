"""Groups: users and other groups, flattened once, without cycles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mesh.errors import ValidationError


@dataclass(frozen=True, slots=True)
class Group:
    """A group by its bare ``name``: ids of ``users`` and bare names of nested ``groups``."""

    name: str
    users: frozenset[int] = frozenset()
    groups: frozenset[str] = frozenset()


def find_cycle(groups: Mapping[str, Group]) -> tuple[str, ...]:
    """The names along one cycle (first and last alike), or nothing. Linear, and no recursion to exhaust."""
    done: set[str] = set()
    for root in sorted(groups):
        path: list[str] = []
        on_path: set[str] = set()
        stack: list[tuple[str, bool]] = [(root, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                path.pop()
                on_path.discard(name)
                done.add(name)
                continue
            if name in on_path:
                return (*path[path.index(name) :], name)
            if name in done or name not in groups:
                continue
            path.append(name)
            on_path.add(name)
            stack.append((name, True))
            stack.extend((child, False) for child in sorted(groups[name].groups))
    return ()


def flatten_groups(groups: Mapping[str, Group]) -> dict[str, frozenset[int]]:
    """Every group's users, nested ones included, each group resolved once.

    A nested group that no longer exists holds nobody. Raises ValidationError on a cycle, naming it.
    """
    if cycle := find_cycle(groups):
        raise ValidationError(f"groups hold each other in a circle: {' → '.join(cycle)}")
    flat: dict[str, frozenset[int]] = {}
    for root in groups:
        stack = [root]
        while stack:
            name = stack[-1]
            waiting = [child for child in groups[name].groups if child in groups and child not in flat]
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            if name not in flat:
                nested = (flat[child] for child in groups[name].groups if child in flat)
                flat[name] = groups[name].users.union(*nested)
    return flat


def groups_by_user(flat: Mapping[str, Iterable[int]]) -> dict[int, tuple[str, ...]]:
    """The other way round: the names of the groups that each user is in, nested ones included."""
    found: dict[int, list[str]] = {}
    for name in sorted(flat):
        for member in flat[name]:
            found.setdefault(member, []).append(name)
    return {member: tuple(names) for member, names in found.items()}
