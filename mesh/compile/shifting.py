"""Rows that follow a change: columns for classes that are new, and rows anew for what changed lines are about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from mesh.compile.atoms import Atoms
from mesh.compile.bits import members
from mesh.compile.classes import Classes
from mesh.compile.editing import changed_lines
from mesh.compile.reach import Reach, Rows, Sides, assembled, reach_of, sides_of
from mesh.compile.rows import Line, Step

_MANY: Final = 256
"""Rows beyond which walking both sides is cheaper than walking one and mending the other bit by bit."""


def shifted(
    sides: Sides, reach: Reach, before: Classes, classes: Classes, lines: tuple[Line, ...]
) -> tuple[Sides, Reach]:
    """What ``sides`` and ``reach`` over the classes ``before`` become over ``classes``, which are those and perhaps
    some more, with ``lines`` in force."""
    fresh = len(classes.keys) - len(before.keys)
    if fresh * 3 > len(lines) + 24:  # then columns one by one cost more than all rows anew
        sides = sides_of(lines, classes)
        return sides, reach_of(sides, classes)
    if fresh:
        sides = _sides_with_new_classes(sides, before, classes)
        reach = _reach_with_new_classes(reach, sides, before, classes)
    return _relined(sides, reach, classes, lines)


def _sides_with_new_classes(sides: Sides, before: Classes, classes: Classes) -> Sides:
    """The same lines over ``classes``, which are those of ``before`` and some more."""
    sources, destinations = list(sides.sources), list(sides.destinations)
    own_sources, own_destinations = list(sides.own_sources), list(sides.own_destinations)
    owned = classes.owned
    for number in range(len(before.keys), len(classes.keys)):
        key, bit = classes.keys[number], 1 << number
        for line in members(sides.onwards(key.terms)):
            sources[line] |= bit
            if own_sources:
                own_sources[line] |= bit & owned
        for line in members(sides.towards(key.terms)):
            destinations[line] |= bit
            if own_destinations:
                own_destinations[line] |= bit & owned
        for line in members(sides.self_lines):
            own_destinations[line] |= bit & owned
    return replace(
        sides,
        sources=sources,
        destinations=destinations,
        own_sources=own_sources,
        own_destinations=own_destinations,
    )


def _reach_with_new_classes(reach: Reach, sides: Sides, before: Classes, classes: Classes) -> Reach:
    """Rows for the classes that are new, and their columns in all other rows."""
    rows = Rows(sides, classes)
    into, out_of, sees, same = list(reach.into), list(reach.out_of), list(reach.sees), list(reach.same)
    fresh = range(len(before.keys), len(classes.keys))
    for number in fresh:
        into.append(rows.into(number))
        out_of.append(rows.out_of(number))
        sees.append(into[number] | out_of[number])
        same.append(rows.same(number))
    for number in fresh:
        bit = 1 << number
        for other in members(into[number]):
            out_of[other] |= bit
            sees[other] |= bit
        for other in members(out_of[number]):
            into[other] |= bit
            sees[other] |= bit
        for other in members(same[number]):
            same[other] |= bit
    return Reach(into, out_of, sees, same)


def _relined(before: Sides, reach: Reach, classes: Classes, lines: tuple[Line, ...]) -> tuple[Sides, Reach]:
    if lines is before.lines:
        return before, reach
    change = changed_lines(before.lines, lines)
    if not change.changed:
        return replace(before, lines=lines), reach
    atoms = before.atoms
    if any(not line.rule.accepts for line in change.changed):
        atoms = Atoms([line.rule for line in lines])
    steps, sources, destinations = [], [], []
    for number, line in enumerate(lines):
        old = change.kept.get(number)
        if old is None:
            steps.append(Step(line.rule.accepts, atoms.reach(line.rule)))
            sources.append(classes.matching(line.sources))
            destinations.append(classes.matching(line.destinations))
        else:
            recut = atoms is not before.atoms
            steps.append(Step(line.rule.accepts, atoms.reach(line.rule)) if recut else before.steps[old])
            sources.append(before.sources[old])
            destinations.append(before.destinations[old])
    sides = assembled(lines, atoms, steps, (sources, destinations), classes)
    found = _reach_anew(reach, sides, classes, change.changed)
    if sides.self_lines and not before.self_lines:  # until now nobody asked for the rows of own devices
        rows = Rows(sides, classes)
        found = replace(found, same=[rows.same(number) for number in range(len(classes.keys))])
    return sides, found


def _reach_anew(reach: Reach, sides: Sides, classes: Classes, changed: Sequence[Line]) -> Reach:
    """The rows with those worked out again that a changed line is about.

    ``into`` and ``out_of`` say the same from two sides, so only the smaller side is walked, and the other follows.
    """
    sources = destinations = 0
    for line in changed:
        sources |= line.sources
        destinations |= line.destinations
    senders, receivers = classes.matching(sources), classes.matching(destinations)
    rows = Rows(sides, classes)
    into, out_of, sees, same = list(reach.into), list(reach.out_of), list(reach.sees), list(reach.same)
    if min(receivers.bit_count(), senders.bit_count()) > _MANY:
        moved: Iterable[int] = members(receivers | senders)
        for number in members(receivers):
            into[number] = rows.into(number)
        for number in members(senders):
            out_of[number] = rows.out_of(number)
    elif receivers.bit_count() <= senders.bit_count():
        moved = _walked_anew(into, out_of, receivers, rows.into)
    else:
        moved = _walked_anew(out_of, into, senders, rows.out_of)
    for number in moved:
        sees[number] = into[number] | out_of[number]
    owned = classes.owned
    own_senders = senders & owned
    own_receivers = owned if any(line.own_devices for line in changed) else receivers & owned
    if min(own_receivers.bit_count(), own_senders.bit_count()) > _MANY:
        for number in members(own_receivers | own_senders):
            same[number] = rows.same(number)
    else:
        _walked_anew(same, same, min(own_receivers, own_senders, key=int.bit_count), rows.same)
    return Reach(into, out_of, sees, same)


def _walked_anew(one: list[int], other: list[int], classes: int, row_of: Callable[[int], int]) -> set[int]:
    """Work out the rows of ``classes`` in ``one`` again and mend ``other``, which says the same from the other side;
    the classes whose rows moved."""
    moved: set[int] = set()
    for number in members(classes):
        row = row_of(number)
        turned = members(row ^ one[number])
        if turned:
            one[number] = row
            moved.add(number)
            moved.update(turned)
            for opposite in turned:
                if other is not one or opposite != number:
                    other[opposite] ^= 1 << number
    return moved
