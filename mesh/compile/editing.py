"""What an edit of the policy touches: lines that really changed, and nodes that new terms or groups may tell apart."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from mesh.compile.filters import overlap
from mesh.compile.rows import Line
from mesh.compile.terms import SourceTerm, Terms
from mesh.compile.world import Principal, World
from mesh.policy.selectors import Prefix, SelectorKind


class LineChange(NamedTuple):
    """Which new lines are old ones (new number to old), and the lines that are new, gone or elsewhere in the order."""

    kept: dict[int, int]
    changed: tuple[Line, ...]


def changed_lines(old: Sequence[Line], new: Sequence[Line]) -> LineChange:
    """Compare two lists of lines by what they do. As many as can be in their old order count as kept; moving one line
    from one end to the other changes that line alone."""
    shorter = min(len(old), len(new))
    head = 0
    while head < shorter and _does(old[head]) == _does(new[head]):
        head += 1
    tail = 0
    while tail < shorter - head and _does(old[-1 - tail]) == _does(new[-1 - tail]):
        tail += 1
    places: dict[object, list[int]] = defaultdict(list)
    for number in range(len(old) - tail - 1, head - 1, -1):
        places[_does(old[number])].append(number)
    pairs = []
    for number in range(head, len(new) - tail):
        if waiting := places.get(_does(new[number])):
            pairs.append((number, waiting.pop()))
    kept = _longest_ascending(pairs)
    stayed = set(kept.values())
    changed = [new[number] for number in range(head, len(new) - tail) if number not in kept]
    changed.extend(old[number] for number in range(head, len(old) - tail) if number not in stayed)
    kept.update((number, number) for number in range(head))
    kept.update((len(new) - number, len(old) - number) for number in range(1, tail + 1))
    return LineChange(kept, tuple(changed))


def _does(line: Line) -> object:
    rule = line.rule
    return line.sources, line.destinations, line.own_devices, rule.action, rule.protocols, rule.ports


def _longest_ascending(pairs: Sequence[tuple[int, int]]) -> dict[int, int]:
    """The longest choice of ``pairs`` (first members ascending) whose second members ascend too."""
    tails: list[int] = []
    at: list[int] = []
    previous: list[int] = []
    for position, (_, number) in enumerate(pairs):
        length = bisect_left(tails, number)
        previous.append(at[length - 1] if length else -1)
        if length == len(tails):
            tails.append(number)
            at.append(position)
        else:
            tails[length], at[length] = number, position
    chosen: dict[int, int] = {}
    position = at[-1] if at else -1
    while position >= 0:
        new, number = pairs[position]
        chosen[new] = number
        position = previous[position]
    return chosen


@dataclass(slots=True)
class Touched:
    """Nodes that may change class: all those of some principals, and some one by one."""

    principals: set[Principal] = field(default_factory=set)
    nodes: set[int] = field(default_factory=set)


def touched_by(
    world: World, before: Terms, after: Terms, flat: Mapping[str, frozenset[int]], users: frozenset[int]
) -> Touched:
    """The nodes that the terms in ``after`` but not ``before``, or other groups of ``users``, may tell apart anew."""
    touched = Touched(set(users))
    fresh = list(after.numbers)[len(before.numbers) :]
    for selector in dict.fromkeys(term.selector if isinstance(term, SourceTerm) else term for term in fresh):
        match selector.kind:
            case SelectorKind.USER:
                touched.principals.add(selector.ident)
            case SelectorKind.GROUP:
                touched.principals.update(flat.get(selector.name, ()))
            case SelectorKind.TAG:
                touched.principals.update(
                    item
                    for item, _ in world.principals.items()
                    if isinstance(item, frozenset) and selector.name in item
                )
            case SelectorKind.NODE:
                touched.nodes.add(selector.ident)
            case SelectorKind.PREFIX:
                assert selector.prefix is not None
                touched.nodes.update(world.inside(selector.prefix))
                touched.nodes.update(_routing(world, selector.prefix))
            case _:  # everybody, under conditions: without any it is a term from the start
                touched.principals.update(item for item, _ in world.principals.items())
                touched.nodes.update(world.routers)
    return touched


def _routing(world: World, prefix: Prefix) -> set[int]:
    """The nodes with an approved route that overlaps ``prefix``."""
    return {
        ident
        for ident in world.routers
        if (node := world.nodes.get(ident)) is not None and any(overlap(route, prefix) for route in node.routes)
    }


def regrouped_users(before: Mapping[str, frozenset[int]], after: Mapping[str, frozenset[int]]) -> frozenset[int]:
    """The users who are in other groups than before."""
    found: set[int] = set()
    for name in before.keys() | after.keys():
        found |= before.get(name, frozenset()) ^ after.get(name, frozenset())
    return frozenset(found)
