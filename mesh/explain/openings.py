"""Openings: on which protocols and ports flows into a node are accepted, and from which blocks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from mesh.compile import CompiledPolicy
from mesh.compile.atoms import Part
from mesh.compile.bits import members
from mesh.explain.blocks import Blocks
from mesh.policy.services import ANY_PORT, PortRange, merge_ports

Services: TypeAlias = tuple[tuple[int, tuple[PortRange, ...]], ...]
"""Protocols, each with its merged port ranges, sorted."""

Stretch: TypeAlias = tuple[int, int, int]
"""A protocol, and the first and last of some ports."""


def services_of_stretches(stretches: Iterable[Stretch]) -> Services:
    """The stretches merged, by protocol."""
    ranges: dict[int, list[PortRange]] = defaultdict(list)
    for protocol, first, last in stretches:
        ranges[protocol].append(PortRange(first, last))
    return tuple((protocol, merge_ports(found) or (ANY_PORT,)) for protocol, found in sorted(ranges.items()))


class Openings:
    """The openings of one compiled policy."""

    __slots__ = ("_blocks", "_compiled", "_of_class", "_of_lines", "_parts")

    def __init__(self, compiled: CompiledPolicy, blocks: Blocks) -> None:
        self._compiled = compiled
        self._blocks = blocks
        self._parts: dict[int, list[Part]] = {}
        self._of_lines: dict[tuple[bool, int], dict[Stretch, int]] = {}
        self._of_class: dict[tuple[bool, int], dict[Stretch, int]] = {}

    def into(self, number: int) -> dict[Stretch, int]:
        """The openings of block ``number``, each with the blocks that it is for; own devices aside."""
        found: dict[Stretch, int] = defaultdict(int)
        for receiver in self._blocks.by_number[number].shapes[0].all:
            for stretch, classes in self._into_class(receiver, own=False).items():
                found[stretch] |= self._blocks.expand(0, classes)
        return found

    def between(self, sender: int, receiver: int) -> list[Stretch]:
        """The openings of block ``receiver`` for nodes of the same user in block ``sender``."""
        owned = self._compiled.classes.owned
        from_mask = self._blocks.by_number[sender].shapes[0].mask
        found: list[Stretch] = []
        for number in self._blocks.by_number[receiver].shapes[0].all:
            own = bool(owned >> number & 1)
            for stretch, classes in self._into_class(number, own=own).items():
                if classes & (from_mask & owned if own else from_mask):
                    found.append(stretch)
            if own:
                for stretch, classes in self._into_class(number, own=False).items():
                    if classes & from_mask & ~owned:
                        found.append(stretch)
        return found

    def _into_class(self, receiver: int, *, own: bool) -> Mapping[Stretch, int]:
        """The openings of class ``receiver``, each with the classes that it is for; within one user's devices where
        ``own``."""
        found = self._of_class.get((own, receiver))
        if found is None:
            sides, classes = self._compiled.sides, self._compiled.classes
            key = classes.keys[receiver]
            family = classes.of_family(key.families)
            lines = sides.towards(key.terms) | (sides.self_lines if own else 0)
            found = {
                stretch: senders & family for stretch, senders in self._by_lines(own, lines).items() if senders & family
            }
            self._of_class[own, receiver] = found
        return found

    def _by_lines(self, own: bool, lines: int) -> Mapping[Stretch, int]:
        found = self._of_lines.get((own, lines))
        if found is None:
            sides = self._compiled.sides
            others = sides.own_sources if own and sides.self_lines else sides.sources
            found = defaultdict(int)
            denied: dict[int, int] = defaultdict(int)
            for number in members(lines):
                matched = others[number]
                step = sides.steps[number]
                if not step.accepts:
                    for atom in step.reach.atoms:
                        denied[atom] |= matched
                    continue
                for part in self._parts_of(number):
                    fresh = matched & ~denied.get(part.atom, 0)
                    if fresh:
                        found[part.protocol, part.first, part.last] |= fresh
            self._of_lines[own, lines] = found
        return found

    def _parts_of(self, number: int) -> list[Part]:
        parts = self._parts.get(number)
        if parts is None:
            sides = self._compiled.sides
            parts = self._parts[number] = sides.atoms.parts(sides.lines[number].rule)
        return parts
