"""Causes: by which rule, and by which of its selectors, nodes come to see each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mesh.compile import CompiledPolicy
from mesh.compile.bits import members
from mesh.compile.classes import Shape
from mesh.compile.rows import Line, walk_through
from mesh.explain.blocks import Blocks
from mesh.policy.selectors import SELF, Selector, host
from mesh.policy.selectors import prefix as prefix_selector


class Cause(NamedTuple):
    """A rule that accepts some flow between two nodes, and the selectors that match the sender and the receiver."""

    position: int
    rule_id: int
    source: Selector
    destination: Selector


class _Hit(NamedTuple):
    """A line and the classes that it is the first to accept, of those that were asked for."""

    line: Line
    classes: int


class Causes:
    """Finds causes in one compiled policy, which is number ``index`` of those that ``blocks`` were made for.

    A pair that is let in both ways is put down to the flow into the block with the higher number.
    """

    __slots__ = ("_blocks", "_hits", "_hosts", "_index", "_policy")

    def __init__(self, policy: CompiledPolicy, blocks: Blocks, index: int) -> None:
        self._policy = policy
        self._blocks = blocks
        self._index = index
        self._hits: dict[tuple[bool, int], list[_Hit]] = {}
        self._hosts = {host(item.name): prefix_selector(item.prefix) for item in policy.policy.hosts}

    def towards(self, number: int, fresh: int) -> Iterator[tuple[Cause, int]]:
        """The causes of pairs of block ``number`` with the blocks ``fresh``, as far as they are put down to flows into
        it: each cause with the blocks that it lets in."""
        shape = self._shape(number)
        incoming = self._row(shape, self._policy.reach.into)
        outgoing = self._row(shape, self._policy.reach.out_of)
        waiting = fresh & incoming & (~outgoing | ((2 << number) - 1))
        for receiver in shape.all:
            if not waiting:
                return
            for hit in self._accepted(receiver, own=False):
                blocks = self._blocks.expand(self._index, hit.classes) & waiting
                if blocks:
                    waiting &= ~blocks
                    yield from self._by_source(hit.line, receiver, hit.classes, blocks)

    def between(self, one: int, other: int, *, same_user: bool) -> Cause:
        """The cause of the pair of a node in block ``one`` and one in ``other``, who do see each other; as nodes of one
        user where ``same_user``."""
        first, second = self._shape(one), self._shape(other)
        if same_user:
            found = self._into(second, first, own=True) or self._into(first, second, own=True)
        else:
            high, low = (first, second) if one >= other else (second, first)
            found = self._into(high, low, own=False) or self._into(low, high, own=False)
        assert found is not None
        return found

    def _into(self, receiver: Shape, sender: Shape, *, own: bool) -> Cause | None:
        """The cause of the flow from one node to another, if it is accepted."""
        owned = self._policy.classes.owned
        for number in receiver.all:
            senders = sender.mask
            if own and owned >> number & 1:
                if cause := self._first(number, sender.mask & owned, own=True):
                    return cause
                senders &= ~owned
            if cause := self._first(number, senders, own=False):
                return cause
        return None

    def _first(self, receiver: int, senders: int, *, own: bool) -> Cause | None:
        for hit in self._accepted(receiver, own=own):
            if hit.classes & senders:
                return self._cause(hit.line, receiver, self._source_of(hit.line, hit.classes & senders))
        return None

    def _shape(self, number: int) -> Shape:
        return self._blocks.by_number[number].shapes[self._index]

    def _row(self, shape: Shape, rows: Sequence[int]) -> int:
        classes = 0
        for number in shape.all:
            classes |= rows[number]
        return self._blocks.expand(self._index, classes)

    def _accepted(self, receiver: int, *, own: bool) -> list[_Hit]:
        """The lines that let classes in to class ``receiver``, each with those that it is the first to let in."""
        sides, classes = self._policy.sides, self._policy.classes
        key = classes.keys[receiver]
        lines = sides.towards(key.terms) | (sides.self_lines if own else 0)
        found = self._hits.get((own, lines))
        if found is None:
            others = sides.own_sources if own and sides.self_lines else sides.sources
            found = [
                _Hit(sides.lines[number], fresh) for number, fresh in walk_through(members(lines), sides.steps, others)
            ]
            self._hits[own, lines] = found
        family = classes.of_family(key.families)
        return [_Hit(line, fresh & family) for line, fresh in found if fresh & family]

    def _by_source(self, line: Line, receiver: int, senders: int, blocks: int) -> Iterator[tuple[Cause, int]]:
        for term in line.said.sources:
            number = self._policy.terms.of_source(term)
            if number is None:
                continue
            matched = senders & self._policy.classes.matching(1 << number)
            some = self._blocks.expand(self._index, matched) & blocks
            if some:
                blocks &= ~some
                yield self._cause(line, receiver, term.selector), some

    def _source_of(self, line: Line, senders: int) -> Selector:
        """The first source of a rule that matches any of ``senders``."""
        classes, terms = self._policy.classes, self._policy.terms
        return next(
            term.selector
            for term in line.said.sources
            if (number := terms.of_source(term)) is not None and classes.matching(1 << number) & senders
        )

    def _cause(self, line: Line, receiver: int, source: Selector) -> Cause:
        terms = self._policy.terms
        here = self._policy.classes.keys[receiver].terms
        destination = next(
            (item for item in line.said.destinations if item != SELF and here >> terms.numbers[item] & 1), SELF
        )
        rule = line.rule
        written = self._written(rule.sources, source), self._written(rule.destinations, destination)
        return Cause(rule.position, rule.id, *written)

    def _written(self, said: Sequence[Selector], selector: Selector) -> Selector:
        """The selector as a rule says it: a host by its name, where only its prefix is left."""
        return next((item for item in said if selector in (item, self._hosts.get(item))), selector)
