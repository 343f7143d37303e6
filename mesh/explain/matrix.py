"""The matrix: who reaches whom, on which ports, by user, group, tag or policy class."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from mesh.compile import CompiledPolicy
from mesh.compile.bits import large_mask_of
from mesh.explain.blocks import Blocks, blocks_of, planes_of, weigh
from mesh.explain.openings import Openings, Services, Stretch, services_of_stretches


class GroupBy(StrEnum):
    """What the rows and columns of a matrix are."""

    USER = "user"
    GROUP = "group"
    TAG = "tag"
    CLASS = "class"


Label: TypeAlias = int | str
"""A user's id, a group's bare name, a whole tag, or the number of a class."""

Pair: TypeAlias = tuple[Label, Label]


@dataclass(frozen=True, slots=True)
class Row:
    """A row and column of the matrix: its label, how many nodes it stands for, and one of them."""

    label: Label
    nodes: int
    example: int


@dataclass(frozen=True, slots=True)
class Cell:
    """From one label to another: ``pairs`` of the ``possible`` ordered pairs of different nodes have an accepted flow,
    on ``services`` taken together: (protocol, port ranges), sorted."""

    pairs: int
    possible: int
    services: Services


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows by descending number of nodes, and the cells that are not empty, by (source label, destination label).

    ``left_out`` is how many labels did not fit.
    """

    by: GroupBy
    rows: tuple[Row, ...]
    cells: Mapping[Pair, Cell]
    left_out: int


def matrix(compiled: CompiledPolicy, by: GroupBy, *, limit: int = 50) -> Matrix:
    """Who reaches whom. Of more than ``limit`` labels those with the most nodes are shown.

    A node that routes subnets or leads to the internet stands for these as well.
    """
    blocks = blocks_of((compiled,))
    people = _people(compiled, blocks, by)
    tallies: dict[Label, _Tally] = {}
    for number, person in enumerate(people):
        for block, count in person.blocks.items():
            for label in person.labels_of(block):
                tallies.setdefault(label, _Tally()).add(number, person, block, count)
    ranked = sorted(tallies, key=lambda label: (-tallies[label].nodes, str(label)))
    shown = {label: tallies[label] for label in ranked[:limit]}
    work = _Work(compiled, blocks, people, shown)
    rows = tuple(Row(label, tally.nodes, tally.example) for label, tally in shown.items())
    return Matrix(by, rows, work.cells(), len(ranked) - len(shown))


@dataclass(slots=True)
class _Person:
    """Nodes of one user, or with the same tags, or nobody's; how many lie in each block, and one of them there.

    ``labels`` None is for policy classes: the label of a node is its block.
    """

    labels: tuple[Label, ...] | None
    blocks: Counter[int]
    examples: dict[int, int]
    same_user: bool

    def labels_of(self, block: int) -> tuple[Label, ...]:
        """The labels of the nodes in ``block``."""
        return (block,) if self.labels is None else self.labels


@dataclass(slots=True)
class _Tally:
    """The nodes of one label by block; ``only`` has the blocks where all of them are one person's, and whose."""

    nodes: int = 0
    example: int = 0
    counts: Counter[int] = field(default_factory=Counter)
    only: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, number: int, person: _Person, block: int, count: int) -> None:
        """Count nodes of person ``number``. Of those whom no user owns each stands for itself."""
        self.example = self.example or person.examples[block]
        if block not in self.counts and (person.same_user or count == 1):
            self.only[block] = (number, 0 if person.same_user else block)
        else:
            self.only.pop(block, None)
        self.nodes += count
        self.counts[block] += count


def _people(compiled: CompiledPolicy, blocks: Blocks, by: GroupBy) -> list[_Person]:
    number_of = blocks.by_node()
    groups: dict[int, list[str]] = defaultdict(list)
    if by is GroupBy.GROUP:
        for name in sorted(compiled.groups):
            for user in compiled.groups[name]:
                groups[user].append(name)
    found: list[_Person] = []
    for principal, ids in compiled.world.principals.items():
        labels: tuple[Label, ...] | None = ()
        if by is GroupBy.CLASS:
            labels = None
        elif isinstance(principal, frozenset):
            labels = tuple(sorted(principal)) if by is GroupBy.TAG else ()
        elif principal is not None and by is GroupBy.USER:
            labels = (principal,)
        elif principal is not None and by is GroupBy.GROUP:
            labels = tuple(groups.get(principal, ()))
        if labels is None or labels:
            examples = {number_of[ident]: ident for ident in reversed(ids) if ident in number_of}
            counts = Counter(number_of[ident] for ident in ids if ident in number_of)
            found.append(_Person(labels, counts, examples, isinstance(principal, int)))
    return found


class _Work:
    """One matrix between the labels in ``shown``."""

    __slots__ = ("_between", "_blocks", "_compiled", "_into", "_masks", "_openings", "_people", "_planes", "_shown")

    def __init__(
        self, compiled: CompiledPolicy, blocks: Blocks, people: list[_Person], shown: Mapping[Label, _Tally]
    ) -> None:
        self._compiled = compiled
        self._blocks = blocks
        self._people = people
        self._shown = shown
        self._openings = Openings(compiled, blocks)
        self._into: dict[int, int] = {}
        self._between: dict[tuple[int, int], list[Stretch]] = {}
        size = len(blocks.sizes)
        self._masks = {label: large_mask_of(tally.counts, size) for label, tally in shown.items()}
        self._planes = {label: planes_of(tally.counts) for label, tally in shown.items()}

    def cells(self) -> dict[Pair, Cell]:
        """The cells that are not empty."""
        pairs: Counter[Pair] = Counter()
        possible: Counter[Pair] = Counter()
        stretches: dict[Pair, set[Stretch]] = defaultdict(set)
        for target, receivers in self._shown.items():
            openings = {number: self._openings.into(number) for number in receivers.counts}
            together: dict[Stretch, int] = defaultdict(int)
            for found in openings.values():
                for stretch, senders in found.items():
                    together[stretch] |= senders
            for origin, tally in self._shown.items():
                cell = origin, target
                pairs[cell] = self._pairs(origin, receivers)
                possible[cell] = tally.nodes * receivers.nodes
                stretches[cell].update(self._stretches(origin, receivers, openings, together))
        for person in self._people:
            self._set_right(person, pairs, possible, stretches)
        return {
            cell: Cell(count, possible[cell], services_of_stretches(stretches[cell]))
            for cell, count in pairs.items()
            if count
        }

    def _reaching(self, number: int) -> int:
        """The blocks with an accepted flow into block ``number``, own devices aside."""
        found = self._into.get(number)
        if found is None:
            classes = 0
            for item in self._blocks.by_number[number].shapes[0].all:
                classes |= self._compiled.reach.into[item]
            found = self._into[number] = self._blocks.expand(0, classes)
        return found

    def _pairs(self, origin: Label, receivers: _Tally) -> int:
        """Ordered pairs with a flow, as if labels had no nodes in common and users no devices."""
        planes = self._planes[origin]
        return sum([count * weigh(planes, self._reaching(number)) for number, count in receivers.counts.items()])

    def _stretches(
        self,
        origin: Label,
        receivers: _Tally,
        openings: Mapping[int, Mapping[Stretch, int]],
        together: Mapping[Stretch, int],
    ) -> Iterator[Stretch]:
        """The openings between nodes that are not one person's."""
        mask = self._masks[origin]
        whose: dict[tuple[int, int], int] = defaultdict(int)
        for number, person in self._shown[origin].only.items():
            whose[person] |= 1 << number
        hidden = {number: whose[person] for number, person in receivers.only.items() if person in whose}
        sure = mask
        for some in hidden.values():
            sure &= ~some
        doubtful = []
        for stretch, senders in together.items():
            if senders & sure:
                yield stretch
            elif senders & mask:
                doubtful.append(stretch)
        for stretch in doubtful:
            if any(found.get(stretch, 0) & mask & ~hidden.get(number, 0) for number, found in openings.items()):
                yield stretch

    def _set_right(
        self,
        person: _Person,
        pairs: Counter[Pair],
        possible: Counter[Pair],
        stretches: dict[Pair, set[Stretch]],
    ) -> None:
        """Take out the pairs of a node and itself, and let ``autogroup:self`` decide between devices of one user."""
        for sender, sending in person.blocks.items():
            origins = [label for label in person.labels_of(sender) if label in self._shown]
            if not origins:
                continue
            for receiver, receiving in person.blocks.items() if person.same_user else [(sender, sending)]:
                same = sending if sender == receiver else 0
                others = sending * receiving - same if person.same_user else 0
                seen = bool(self._reaching(receiver) >> sender & 1)
                opened = self._opened(sender, receiver) if others else []
                change = others * (bool(opened) - seen) - same * seen
                for target in person.labels_of(receiver):
                    if target in self._shown:
                        for origin in origins:
                            cell = origin, target
                            pairs[cell] += change
                            possible[cell] -= same
                            stretches[cell].update(opened)

    def _opened(self, sender: int, receiver: int) -> list[Stretch]:
        found = self._between.get((sender, receiver))
        if found is None:
            found = self._between[sender, receiver] = self._openings.between(sender, receiver)
        return found
