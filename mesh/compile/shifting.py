"""Rows that follow a change: columns for classes that are new, and rows anew for what changed lines speak of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mesh.compile.atoms import Atoms
from mesh.compile.bits import members
from mesh.compile.classes import Classes
from mesh.compile.editing import changed_lines
from mesh.compile.publish import Memo
from mesh.compile.reach import Reach, Rows, Sides, assembled
from mesh.compile.rows import Line, Step

if TYPE_CHECKING:
    from mesh.compile.compiled import CompiledPolicy


def sides_with_new_classes(sides: Sides, before: Classes, classes: Classes) -> Sides:
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


def reach_with_new_classes(reach: Reach, sides: Sides, before: Classes, classes: Classes) -> Reach:
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


def relined(compiled: CompiledPolicy, lines: tuple[Line, ...]) -> CompiledPolicy:
    """The same classes under other ``lines`` in force."""
    before, classes = compiled.sides, compiled.classes
    change = changed_lines(before.lines, lines)
    if not change.changed:
        return replace(compiled, sides=replace(before, lines=lines))
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
    return replace(compiled, sides=sides, reach=_reach_anew(compiled, sides, change.changed), memo=_memo_for(compiled))


def _memo_for(compiled: CompiledPolicy) -> Memo:
    """What stays true under other lines: names, sets and whatever follows from the nodes alone."""
    memo = compiled.memo
    return Memo(
        names=memo.names,
        volatile=memo.volatile,
        sets=memo.sets,
        internet=memo.internet,
        strays=memo.strays,
        everything=memo.everything,
    )


def _reach_anew(compiled: CompiledPolicy, sides: Sides, changed: tuple[Line, ...]) -> Reach:
    """The rows with those worked out again that a changed line speaks of."""
    classes, reach = compiled.classes, compiled.reach
    sources = destinations = 0
    for line in changed:
        sources |= line.sources
        destinations |= line.destinations
    owned = classes.owned
    own_changed = any(line.own_devices for line in changed)
    rows = Rows(sides, classes)
    into, out_of, sees, same = list(reach.into), list(reach.out_of), list(reach.sees), list(reach.same)
    senders = classes.matching(sources)
    receivers = classes.matching(destinations)
    for number in members(receivers):
        into[number] = rows.into(number)
    for number in members(senders):
        out_of[number] = rows.out_of(number)
    for number in members(senders | receivers):
        sees[number] = into[number] | out_of[number]
    for number in members((owned if own_changed else senders | receivers) & owned):
        same[number] = rows.same(number)
    return Reach(into, out_of, sees, same)
