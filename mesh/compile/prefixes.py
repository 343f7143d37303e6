"""Which address terms hold an address, and how they cut a route into pieces."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

from mesh.policy.facts import Address, Prefix


class Marks(NamedTuple):
    """Terms as bit sets: those matched as a destination and those matched as a source."""

    destination: int
    source: int

    def joined(self, other: Marks) -> Marks:
        """Both together."""
        return Marks(self.destination | other.destination, self.source | other.source)


NOTHING = Marks(0, 0)


class PrefixTable:
    """Address terms by family and length, for looking up what holds an address in one step a length in use."""

    __slots__ = ("_by_length", "_sorted")

    def __init__(self, items: Iterable[tuple[Prefix, Marks]]) -> None:
        tables: dict[int, dict[int, dict[int, Marks]]] = {4: {}, 6: {}}
        for network, marks in items:
            table = tables[network.version].setdefault(network.max_prefixlen - network.prefixlen, {})
            key = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
            table[key] = table.get(key, NOTHING).joined(marks)
        self._by_length = {version: sorted(table.items(), reverse=True) for version, table in tables.items()}
        self._sorted = {
            version: sorted((key << shift, -shift, marks) for shift, table in lengths for key, marks in table.items())
            for version, lengths in self._by_length.items()
        }

    def __bool__(self) -> bool:
        return bool(self._by_length[4] or self._by_length[6])

    def marks_of(self, address: Address) -> Marks:
        """The terms that hold ``address``."""
        return self._holding(int(address), address.version, 0)

    def _holding(self, number: int, version: int, shortest: int) -> Marks:
        destination = source = 0
        for shift, table in self._by_length[version]:
            if shift < shortest:
                break
            marks = table.get(number >> shift)
            if marks is not None:
                destination |= marks.destination
                source |= marks.source
        return Marks(destination, source)

    def pieces_of(self, route: Prefix) -> tuple[Marks, ...]:
        """The route cut where address terms begin and end inside it: the distinct marks of its parts.

        Every address of the route is held by exactly the terms of one of the marks returned, and every marks returned
        stand for at least one address.
        """
        shift = route.max_prefixlen - route.prefixlen
        start = int(route.network_address)
        outer = self._holding(start, route.version, shift)
        ordered = self._sorted[route.version]
        first = bisect_left(ordered, (start, -shift + 1))
        last = bisect_left(ordered, (start + (1 << shift),))
        if first == last:
            return (outer,)
        found: dict[Marks, None] = {}
        stack = [(start + (1 << shift), 1 << shift, outer)]  # end, size not yet covered by what lies inside, marks
        for begin, negative, marks in ordered[first:last]:
            while begin >= stack[-1][0]:
                _leave(stack, found)
            size = 1 << -negative
            end, rest, around = stack[-1]
            stack[-1] = (end, rest - size, around)
            stack.append((begin + size, size, around.joined(marks)))
        while stack:
            _leave(stack, found)
        return tuple(found)

    def overlapping(self, route: Prefix) -> Marks:
        """All terms that overlap the route, joined."""
        joined = NOTHING
        for marks in self.pieces_of(route):
            joined = joined.joined(marks)
        return joined


def _leave(stack: list[tuple[int, int, Marks]], found: dict[Marks, None]) -> None:
    _, rest, marks = stack.pop()
    if rest:
        found[marks] = None
