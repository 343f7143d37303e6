"""The graph: nodes in groups, and between which groups, and from whom to whom, there is access."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from mesh.compile import CompiledPolicy, IdSet
from mesh.compile.bits import members
from mesh.compile.world import Principal
from mesh.explain.accesses import NOTHING, Access, Accesses
from mesh.explain.blocks import Blocks, blocks_of
from mesh.explain.flows import NO_FLOW, Flow, flow_of
from mesh.explain.tally import Sorter, Tally
from mesh.explain.times import EVER, LASTING, NOW, times_of

LIMIT: Final = 100
"""How many groups are told apart, unless the caller wants another number; all others count as one more."""


class GraphBy(StrEnum):
    """What makes a group: the tags of machines (and whose the others are), people, or policy classes."""

    TAG = "tag"
    USER = "user"
    CLASS = "class"


GroupKey: TypeAlias = Principal | str | tuple[int, ...]
"""Tags, a user's id, None for nobody's nodes; ``TAGGED`` or ``REST``; or the number of a class, alone in a tuple."""

TAGGED: Final = "tagged"
REST: Final = "rest"
NO_CLASS: Final = -1
"""In place of a class: of nodes without an address."""


@dataclass(frozen=True, slots=True)
class GraphGroup:
    """Nodes that stand together; each node of the network stands in one group. ``principals`` are to whom they belong,
    those with the most nodes first."""

    key: GroupKey
    ids: IdSet
    principals: tuple[Principal, ...]


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """Two groups by index, ``one`` not after ``other``, with ``pairs`` of different nodes that see each other, of whom
    ``passing`` do so by a schedule alone; ``later`` more do not now, but may at other times. In ``there`` ordered pairs
    a node of ``one`` may do something now to a node of ``other``, in ``back`` of them the other way; within one group
    both are ``there``."""

    one: int
    other: int
    pairs: int
    passing: int
    later: int
    there: int
    back: int


@dataclass(frozen=True, slots=True)
class Graph:
    """Groups by descending number of nodes (``REST`` last), and an edge for each two, or one, within which nodes see
    each other, now or at other times. ``pairs`` are those that see each other now, ``folded`` how many groups stand in
    ``REST``."""

    by: GraphBy
    groups: tuple[GraphGroup, ...]
    edges: tuple[GraphEdge, ...]
    pairs: int
    folded: int
    tally: Tally = field(repr=False)

    def flows(self, edges: Sequence[GraphEdge]) -> list[tuple[Flow, Flow]]:
        """What each of these edges is about: there, and back."""
        cells = {cell for edge in edges for cell in ((edge.one, edge.other), (edge.other, edge.one))}
        found = self.tally.flows(cells)
        return [
            (
                flow_of(found.get((edge.one, edge.other))),
                NO_FLOW if edge.one == edge.other else flow_of(found.get((edge.other, edge.one))),
            )
            for edge in edges
        ]


@dataclass(frozen=True, slots=True)
class Bundle:
    """Nodes that are alike to one node: what it may do to each of them, and each of them to it, at some time."""

    out: Access
    back: Access
    ids: IdSet


class Grapher:
    """Answers of one compiled policy. Worked out at the first question, and kept: policies never change."""

    __slots__ = ("_accesses", "_number_of", "blocks", "compiled", "times")

    def __init__(self, compiled: CompiledPolicy) -> None:
        self.compiled = compiled
        self.times = times_of(compiled)
        self.blocks: Blocks = blocks_of(self.times.policies)
        self._accesses = Accesses(self.times, self.blocks)
        self._number_of: dict[int, int] = {}

    def tally(self, sort: Sorter) -> Tally:
        """Counts between the sets that ``sort`` puts nodes into."""
        return Tally(self.times, self.blocks, self._accesses, sort)

    def shares(self) -> Iterator[tuple[Principal, int, int]]:
        """How many nodes of each principal lie in each block: principal, block, number."""
        number_of = self._numbers()
        for principal, ids in self.compiled.world.principals.items():
            for block, count in Counter(number_of[ident] for ident in ids if ident in number_of).items():
                yield principal, block, count

    def graph(self, by: GraphBy, limit: int = LIMIT) -> Graph:
        """The graph of all nodes that take part, in at most ``limit`` groups and one for the rest."""
        found: dict[GroupKey, IdSet] = {}
        whose: dict[GroupKey, Counter[Principal]] = defaultdict(Counter)
        empty = self.compiled.world.id_set
        for principal, ids in self.compiled.world.principals.items():
            for key, some in self._sorted(by, principal, ids).items():
                found[key] = found.get(key, empty()) | empty(some)
                whose[key][principal] += len(some)
        ranked = sorted(found, key=lambda key: (-len(found[key]), _order(key)))
        if len(ranked) > limit + 1:
            for key in ranked[limit:]:
                found[REST] = found.get(REST, empty()) | found[key]
                whose[REST].update(whose[key])
            ranked = [*ranked[:limit], REST]
        numbers: dict[GroupKey, int] = {key: number for number, key in enumerate(ranked)}
        rest = numbers.get(REST, -1)
        groups = tuple(
            GraphGroup(key, found[key], tuple(principal for principal, _ in whose[key].most_common())) for key in ranked
        )
        tally = self.tally(lambda principal, block: (numbers.get(key_of(by, principal, block), rest),))
        edges = self._edges(tally)
        pairs = sum(edge.pairs for edge in edges)
        return Graph(by, groups, edges, pairs, len(found) - len(ranked), tally)

    def _sorted(self, by: GraphBy, principal: Principal, ids: list[int]) -> dict[GroupKey, list[int]]:
        if by is not GraphBy.CLASS:
            return {key_of(by, principal, 0): ids}
        number_of = self._numbers()
        found: dict[GroupKey, list[int]] = defaultdict(list)
        for ident in ids:
            found[number_of.get(ident, NO_CLASS),].append(ident)
        return found

    def _numbers(self) -> dict[int, int]:
        if not self._number_of:
            self._number_of = self.blocks.by_node()
        return self._number_of

    def _edges(self, tally: Tally) -> tuple[GraphEdge, ...]:
        now, lasting, ever, reached = tally.seen(NOW), tally.seen(LASTING), tally.seen(EVER), tally.reached()
        found = []
        for one, other in sorted(ever):
            if one > other:
                continue
            share = 2 if one == other else 1
            pairs = now[one, other] // share
            back = 0 if one == other else reached[other, one]
            passing = pairs - lasting[one, other] // share
            later = ever[one, other] // share - pairs
            found.append(GraphEdge(one, other, pairs, passing, later, reached[one, other], back))
        return tuple(found)

    def block_of(self, node_id: int) -> int:
        """The block that a node lies in; ``NO_CLASS`` for one in none."""
        return self._numbers().get(node_id, NO_CLASS)

    def access(self, sender: int, receiver: int) -> Access:
        """What one node may do to another."""
        one, other = self.block_of(sender), self.block_of(receiver)
        if NO_CLASS in (one, other) or sender == receiver:
            return NOTHING
        owner = self.compiled.owner_of(sender)
        same_user = owner is not None and owner == self.compiled.owner_of(receiver)
        return self._accesses.companions(one, other) if same_user else self._accesses.strangers(one, other)

    def reach(self, node_id: int) -> tuple[Bundle, ...]:
        """Whom a node reaches and who reaches it, itself aside: all others by what that is, now and at other times;
        those between whom and the node nothing ever is open are left out. Empty for a node that takes no part."""
        numbers = self._numbers()
        mine = numbers.get(node_id)
        if mine is None:
            return ()
        owner = self.compiled.owner_of(node_id)
        id_set = self.compiled.world.id_set
        companions = id_set(() if owner is None else self.compiled.world.of(owner))
        found: dict[tuple[Access, Access], IdSet] = defaultdict(id_set)
        into = self._accesses.into(mine)
        reached = 0
        place, ever = self.times.places[EVER], self.times.of(EVER)
        for item in self.blocks.by_number[mine].shapes[place].all:
            reached |= ever.reach.out_of[item]
        near = self.blocks.expand(place, reached)
        for mask, _ in into:
            near |= mask
        for number in members(near):
            back = next((access for mask, access in into if mask >> number & 1), NOTHING)
            found[self._accesses.strangers(mine, number), back] |= self.blocks.by_number[number].ids - companions
        for other in companions:
            theirs = numbers.get(other)
            if theirs is None:
                continue
            key = self._accesses.companions(mine, theirs), self._accesses.companions(theirs, mine)
            found[key].add(other)
        return tuple(
            Bundle(out, back, rest)
            for (out, back), ids in found.items()
            if (out.ever or back.ever) and (rest := ids - id_set((node_id,)))
        )


def key_of(by: GraphBy, principal: Principal, block: int) -> GroupKey:
    """The group of a node that belongs to ``principal`` and lies in that block."""
    if by is GraphBy.CLASS:
        return (block,)
    return TAGGED if by is GraphBy.USER and isinstance(principal, frozenset) else principal


def _order(key: GroupKey) -> tuple[str, ...]:
    return tuple(sorted(key)) if isinstance(key, frozenset) else (str(key),)
