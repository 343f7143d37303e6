"""The policy classes of a network: keys, members, and which node has which facets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pyroaring import BitMap64

from mesh.compile.bits import large_mask_of, mask_of, members
from mesh.compile.classifier import IPV4, IPV6, Classifier, FacetKey, Facets
from mesh.compile.table import Table
from mesh.compile.world import AddressIndex, Kind, World
from mesh.policy.facts import Prefix


class Shape(NamedTuple):
    """The facets of a node by class: shared by all nodes that have the same ones."""

    own: tuple[int, ...]
    routes: tuple[tuple[Prefix, tuple[int, ...]], ...]
    exits: tuple[int, ...]
    all: tuple[int, ...]
    mask: int
    own_mask: int


NO_SHAPE: Final = Shape((), (), (), (), 0, 0)


@dataclass(frozen=True, slots=True)
class Classes:
    """Every class ever met since the last whole compile; ids are stable, and some may have lost their last member.

    ``source_members[t]`` and ``destination_members[t]`` are the classes that match term ``t``; ``families`` those that
    have IPv4 (first) and IPv6 addresses.
    """

    keys: tuple[FacetKey, ...]
    index: dict[FacetKey, int]
    members: tuple[BitMap64, ...]
    shapes: Table[int, Shape]
    source_members: tuple[int, ...]
    destination_members: tuple[int, ...]
    families: tuple[int, int]

    def of_family(self, families: int) -> int:
        """The classes that share an address family with ``families``."""
        ipv4, ipv6 = self.families
        return (ipv4 if families & IPV4 else 0) | (ipv6 if families & IPV6 else 0)


class _Builder:
    """Collects classes while nodes are read."""

    __slots__ = ("_shapes", "ids", "index")

    def __init__(self) -> None:
        self.index: dict[FacetKey, int] = {}
        self.ids: list[list[int]] = []
        self._shapes: dict[Facets, Shape] = {}

    def number(self, key: FacetKey) -> int:
        found = self.index.get(key)
        if found is None:
            found = self.index[key] = len(self.ids)
            self.ids.append([])
        return found

    def shape(self, facets: Facets) -> Shape:
        shape = self._shapes.get(facets)
        if shape is None:
            shape = self._shapes[facets] = shape_of(facets, self.number)
        return shape


def shape_of(facets: Facets, number: Callable[[FacetKey], int]) -> Shape:
    """The shape of ``facets``; ``number`` gives the class of each key."""
    own = tuple(number(key) for key in facets.own)
    routes = tuple((route, tuple(number(key) for key in keys)) for route, keys in facets.routes)
    exits = tuple(number(key) for key in facets.exits)
    every = sorted({*own, *exits, *(item for _, items in routes for item in items)})
    return Shape(own, routes, exits, tuple(every), mask_of(every), mask_of(own))


def classify(world: World, kinds: Sequence[Kind], classifier: Classifier) -> Classes:
    """Put every node into its classes: alike ones together, and one by one only those that some rule singles out."""
    build = _Builder()
    shapes: dict[int, Shape] = {}
    single = set() if classifier.has_conditions else singled_out(world, classifier)
    for kind in kinds:
        ids = kind.ids
        if classifier.has_conditions:
            apart, ids = ids, []
        elif single and not single.isdisjoint(ids):
            apart = [ident for ident in ids if ident in single]
            ids = [ident for ident in ids if ident not in single]
        else:
            apart = []
        if ids and kind.families:
            shape = build.shape(Facets((classifier.plain(kind.sample, kind.families),)))
            build.ids[shape.all[0]].extend(ids)
            shapes.update(dict.fromkeys(ids, shape))
        for ident in apart:
            node = world.nodes.get(ident)
            assert node is not None
            shape = build.shape(classifier.facets(node))
            shapes[ident] = shape
            for number in shape.all:
                build.ids[number].append(ident)
    return classes_of(build.index, tuple(BitMap64(ids) for ids in build.ids), Table(shapes))


def singled_out(world: World, classifier: Classifier) -> set[int]:
    """The nodes that a term names, whose address a term holds, or that have approved routes."""
    single = {node.id for node in world.nodes.values() if node.routes}
    single.update(classifier.named_nodes)
    if prefixes := classifier.address_terms:
        index = AddressIndex(world.nodes.values())
        for prefix in prefixes:
            single.update(index.inside(prefix))
    return single


def classes_of(index: dict[FacetKey, int], ids: tuple[BitMap64, ...], shapes: Table[int, Shape]) -> Classes:
    """The classes with what follows from their keys."""
    keys = tuple(index)
    source: list[list[int]] = []
    destination: list[list[int]] = []
    for number, key in enumerate(keys):
        for table, mask in ((source, key.source), (destination, key.destination)):
            for term in members(mask):
                while len(table) <= term:
                    table.append([])
                table[term].append(number)
    size = len(keys)
    return Classes(
        keys,
        index,
        ids,
        shapes,
        tuple(large_mask_of(item, size) for item in source),
        tuple(large_mask_of(item, size) for item in destination),
        (
            large_mask_of((number for number, key in enumerate(keys) if key.families & IPV4), size),
            large_mask_of((number for number, key in enumerate(keys) if key.families & IPV6), size),
        ),
    )
