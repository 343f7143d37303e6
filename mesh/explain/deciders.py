"""Deciders: which rules let, or keep, the nodes of one set from those of another."""

from __future__ import annotations

from mesh.compile import CompiledPolicy
from mesh.compile.bits import members
from mesh.explain.blocks import Blocks


class Deciders:
    """Of pairs of nodes the numbers of the lines that accept some flow between them, or deny some that no line before
    accepts alike: a denial counts where it matches, an acceptance where not all of it is denied before."""

    __slots__ = ("_blocks", "_compiled", "_into", "_lines")

    def __init__(self, compiled: CompiledPolicy, blocks: Blocks) -> None:
        self._compiled = compiled
        self._blocks = blocks
        self._lines: dict[tuple[bool, int], list[tuple[int, int]]] = {}
        self._into: dict[int, list[tuple[int, int]]] = {}

    def profile(self, receiver: int) -> object:
        """A key: of receivers with the same one the same is said."""
        sides, keys = self._compiled.sides, self._compiled.classes.keys
        shape = self._blocks.by_number[receiver].shapes[0]
        return tuple((sides.towards(keys[number].terms), keys[number].families) for number in shape.all)

    def into(self, receiver: int) -> list[tuple[int, int]]:
        """Lines with the blocks, as bits, that they decide about; own devices aside."""
        found = self._into.get(receiver)
        if found is None:
            masks: dict[int, int] = {}
            for number in self._blocks.by_number[receiver].shapes[0].all:
                for line, classes in self._decided(number, own=False):
                    masks[line] = masks.get(line, 0) | self._blocks.expand(0, classes)
            found = self._into[receiver] = [(mask, line) for line, mask in masks.items() if mask]
        return found

    def between(self, sender: int, receiver: int, *, same_user: bool) -> tuple[int, ...]:
        """The lines that decide about one pair."""
        if not (same_user and self._compiled.sides.self_lines):
            return tuple(line for mask, line in self.into(receiver) if mask >> sender & 1)
        owned = self._compiled.classes.owned
        senders = self._blocks.by_number[sender].shapes[0].mask
        found: set[int] = set()
        for number in self._blocks.by_number[receiver].shapes[0].all:
            own = bool(owned >> number & 1)
            mine = senders & owned if own else senders
            found.update(line for line, classes in self._decided(number, own=own) if classes & mine)
            if own:
                found.update(line for line, classes in self._decided(number, own=False) if classes & senders & ~owned)
        return tuple(found)

    def _decided(self, receiver: int, *, own: bool) -> list[tuple[int, int]]:
        sides, classes = self._compiled.sides, self._compiled.classes
        key = classes.keys[receiver]
        lines = sides.towards(key.terms) | (sides.self_lines if own else 0)
        found = self._lines.get((own, lines))
        if found is None:
            found = self._lines[own, lines] = self._walked(lines, own=own)
        family = classes.of_family(key.families)
        return [(line, decided & family) for line, decided in found if decided & family]

    def _walked(self, lines: int, *, own: bool) -> list[tuple[int, int]]:
        sides = self._compiled.sides
        others = sides.own_sources if own and sides.self_lines else sides.sources
        denied: dict[int, int] = {}
        found = []
        for number in members(lines):
            accepts, (atoms, free) = sides.steps[number]
            matched = others[number]
            if not accepts:
                for atom in atoms:
                    denied[atom] = denied.get(atom, 0) | matched
            elif not free:
                blocked = matched
                for atom in atoms:
                    blocked &= denied.get(atom, 0)
                matched &= ~blocked
            found.append((number, matched))
        return found
