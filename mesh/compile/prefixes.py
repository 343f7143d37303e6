"""Which address terms hold an address, and how they cut a route into pieces."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from mesh.policy.facts import Address, Prefix


class PrefixTable:
    """Address terms by family and length, for looking up what holds an address in one step a length in use."""

    __slots__ = ("_by_length", "_sorted")

    def __init__(self, items: Iterable[tuple[Prefix, int]]) -> None:
        tables: dict[int, dict[int, dict[int, int]]] = {4: {}, 6: {}}
        for network, terms in items:
            table = tables[network.version].setdefault(network.max_prefixlen - network.prefixlen, {})
            key = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
            table[key] = table.get(key, 0) | terms
        self._by_length = {version: sorted(table.items(), reverse=True) for version, table in tables.items()}
        self._sorted = {
            version: sorted((key << shift, -shift, terms) for shift, table in lengths for key, terms in table.items())
            for version, lengths in self._by_length.items()
        }

    def __bool__(self) -> bool:
        return bool(self._by_length[4] or self._by_length[6])

    def terms_of(self, address: Address) -> int:
        """The terms that hold ``address``, as bits."""
        return self._holding(int(address), address.version, 0)

    def _holding(self, number: int, version: int, shortest: int) -> int:
        found = 0
        for shift, table in self._by_length[version]:
            if shift < shortest:
                break
            found |= table.get(number >> shift, 0)
        return found

    def pieces_of(self, route: Prefix) -> tuple[int, ...]:
        """The route cut where address terms begin and end inside it: the distinct terms of its parts, as bits.

        Every address of the route is held by exactly one of the sets of terms returned, and each of those stands for
        at least one address.
        """
        shift = route.max_prefixlen - route.prefixlen
        start = int(route.network_address)
        outer = self._holding(start, route.version, shift)
        ordered = self._sorted[route.version]
        first = bisect_left(ordered, (start, -shift + 1))
        last = bisect_left(ordered, (start + (1 << shift),))
        if first == last:
            return (outer,)
        found: dict[int, None] = {}
        stack = [(start + (1 << shift), 1 << shift, outer)]  # end, size not yet covered by what lies inside, terms
        for begin, negative, terms in ordered[first:last]:
            while begin >= stack[-1][0]:
                _leave(stack, found)
            size = 1 << -negative
            end, rest, around = stack[-1]
            stack[-1] = (end, rest - size, around)
            stack.append((begin + size, size, around | terms))
        while stack:
            _leave(stack, found)
        return tuple(found)


def _leave(stack: list[tuple[int, int, int]], found: dict[int, None]) -> None:
    _, rest, terms = stack.pop()
    if rest:
        found[terms] = None
