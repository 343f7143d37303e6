"""Blocks: nodes that the compiled policies in question cannot tell apart, and counting pairs between them.

Rows of the engine are sets of classes, and a node may have several. A block is a set of nodes with the same classes in
every policy that is looked at, so that sets of blocks count nodes exactly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mesh.compile import CompiledPolicy, IdSet
from mesh.compile.bits import large_mask_of, members
from mesh.compile.classes import Shape


@dataclass(frozen=True, slots=True)
class Block:
    """Nodes with the same shape in each of the policies."""

    shapes: tuple[Shape, ...]
    ids: IdSet


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of a network by number. A block whose nodes have one class, the same in all policies, has that class's
    number (``plain``, as bits); ``mixed[p]`` leads from a class in policy ``p`` to the other blocks that have it."""

    by_number: dict[int, Block]
    sizes: list[int]
    plain: int
    mixed: tuple[dict[int, int], ...]
    mixed_classes: tuple[int, ...]
    _expanded: tuple[dict[int, int], ...] = field(repr=False)
    _planes: tuple[int, ...] = field(repr=False)
    """For each binary digit the blocks whose size has it."""

    def expand(self, policy: int, classes: int) -> int:
        """The blocks with any of ``classes`` in that policy, as bits."""
        found = self._expanded[policy].get(classes)
        if found is None:
            found = classes & self.plain
            for number in members(classes & self.mixed_classes[policy]):
                found |= self.mixed[policy][number]
            self._expanded[policy][classes] = found
        return found

    def weight(self, blocks: int) -> int:
        """How many nodes are in ``blocks``: by the binary digits of their sizes, a count of bits for each."""
        return weigh(self._planes, blocks)

    def ordered_pairs(self, number: int, blocks: int) -> int:
        """How many ordered pairs there are of a node in block ``number`` and another node in ``blocks``."""
        return self.sizes[number] * (self.weight(blocks) - (blocks >> number & 1))

    def seen_by(self, policy: int) -> Blocks:
        """The same blocks for a reader that knows one policy, and takes it for the first."""
        if policy == 0:
            return self
        return Blocks(
            {number: Block((block.shapes[policy],), block.ids) for number, block in self.by_number.items()},
            self.sizes,
            self.plain,
            (self.mixed[policy],),
            (self.mixed_classes[policy],),
            ({},),
            self._planes,
        )

    def by_node(self) -> dict[int, int]:
        """The number of each node's block."""
        return {ident: number for number, block in self.by_number.items() for ident in block.ids}


def planes_of(sizes: Mapping[int, int]) -> tuple[int, ...]:
    """The numbers that have a size, for each binary digit of sizes those whose size has it, as bits; see ``weigh``."""
    highest = max(sizes, default=0) + 1
    return tuple(
        large_mask_of((number for number, size in sizes.items() if size >> digit & 1), highest)
        for digit in range(max(sizes.values(), default=0).bit_length())
    )


def weigh(planes: Sequence[int], numbers: int) -> int:
    """The sum of the sizes of ``numbers``: a count of bits for each binary digit instead of a walk over them."""
    return sum([(numbers & plane).bit_count() << digit for digit, plane in enumerate(planes)])


def blocks_of(policies: Sequence[CompiledPolicy]) -> Blocks:
    """The blocks that ``policies`` over the same nodes make. Fast where they moved on from one another."""
    first, last = policies[0], policies[-1]
    related = all(policy.lineage is last.lineage for policy in policies)
    apart = _apart(policies) if related else last.world.id_set(ident for ident, _ in last.world.nodes.items())
    size = len(last.classes.keys) if related else 0
    by_number: dict[int, Block] = {}
    for number in range(size):
        ids = last.classes.members[number] - apart
        if ids:
            shape = last.shape(ids[0])
            by_number[number] = Block((shape,) * len(policies), ids)
    groups: dict[tuple[tuple[int, ...], ...], list[int]] = defaultdict(list)
    for ident in apart:
        groups[tuple(policy.shape(ident).all for policy in policies)].append(ident)
    mixed: tuple[dict[int, int], ...] = tuple({} for _ in policies)
    for offset, (key, ids) in enumerate(groups.items()):
        number = size + offset
        by_number[number] = Block(tuple(policy.shape(ids[0]) for policy in policies), last.world.id_set(ids))
        for table, classes in zip(mixed, key, strict=True):
            for item in classes:
                table[item] = table.get(item, 0) | 1 << number
    sizes = [0] * (size + len(groups))
    for number, block in by_number.items():
        sizes[number] = len(block.ids)
    plain = large_mask_of((number for number in by_number if number < size), max(size, 1))
    classes_in = tuple(large_mask_of(table, max(table, default=0) + 1) for table in mixed)
    assert first.world.id_set is last.world.id_set
    planes = planes_of(dict(enumerate(sizes)))
    return Blocks(by_number, sizes, plain, mixed, classes_in, tuple({} for _ in policies), planes)


def _apart(policies: Sequence[CompiledPolicy]) -> IdSet:
    """The nodes with several classes, or with other classes in one policy than in another."""
    last = policies[-1]
    apart = last.world.id_set()
    for policy in policies:
        apart |= last.world.id_set(_several(policy))
        if policy is not last:
            mine, its = last.classes.members, policy.classes.members
            for number, ids in enumerate(mine):
                before = its[number] if number < len(its) else last.world.id_set()
                if before is not ids:
                    apart |= before ^ ids
    return apart


def _several(policy: CompiledPolicy) -> Iterable[int]:
    return (ident for ident, shape in policy.classes.singles.items() if len(shape.all) != 1)
