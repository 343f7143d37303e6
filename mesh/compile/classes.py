"""The policy classes of a network: keys, members, and which node has which facets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from mesh.compile.bits import few, large_mask_of, mask_of
from mesh.compile.classifier import Classifier, FacetKey, Facets, KindKey
from mesh.compile.ids import IdSet
from mesh.compile.table import Table
from mesh.compile.terms import MEMBER_BIT, SELF_BIT, TAGGED_BIT
from mesh.compile.world import IPV4, IPV6, Kinds, World, principal_of
from mesh.policy.facts import Prefix
from mesh.policy.limits import MAX_CLASSES


class Shape(NamedTuple):
    """The facets of a node by class. ``all`` are their classes, ascending; ``mask`` and ``own_mask`` the same as bits,
    of all and of its own addresses."""

    own: tuple[int, ...]
    routes: tuple[tuple[Prefix, tuple[int, ...]], ...]
    exits: tuple[int, ...]
    all: tuple[int, ...]
    mask: int
    own_mask: int


NO_SHAPE: Final = Shape((), (), (), (), 0, 0)


@dataclass(frozen=True, slots=True)
class Classes:
    """Every class met since the last whole compile: ids are stable, and some may have lost their last member.

    ``singles`` has the shapes of the nodes that some rule singles out; all others have one class alone, which follows
    from their kind. ``term_members[t]`` are the classes that match term ``t``; ``families`` are the classes with IPv4
    (first) and with IPv6 addresses. Lists are never changed once they stand here.
    """

    keys: list[FacetKey]
    index: dict[FacetKey, int]
    members: list[IdSet]
    singles: Table[int, Shape]
    term_members: list[int]
    families: tuple[int, int]

    def shape_of_key(self, key: FacetKey) -> Shape:
        """The shape of a node whose only facet has this key."""
        number = self.index.get(key)
        return NO_SHAPE if number is None else plain_shape(number)

    def of_family(self, families: int) -> int:
        """The classes that share an address family with ``families``."""
        ipv4, ipv6 = self.families
        return (ipv4 if families & IPV4 else 0) | (ipv6 if families & IPV6 else 0)

    def matching(self, terms: int) -> int:
        """The classes that match any of ``terms``."""
        matched = 0
        for term in few(terms):
            if term < len(self.term_members):
                matched |= self.term_members[term]
        return matched

    @property
    def owned(self) -> int:
        """The classes of untagged nodes with an owner: those that ``autogroup:self`` can speak of."""
        return self.matching(SELF_BIT)

    @property
    def own(self) -> int:
        """The classes of nodes' own addresses, as against routes and the internet."""
        return self.matching(MEMBER_BIT | TAGGED_BIT)


def shape_of(facets: Facets, number: Callable[[FacetKey], int]) -> Shape:
    """The shape of ``facets``; ``number`` gives the class of each key."""
    own = tuple(number(key) for key in facets.own)
    routes = tuple((route, tuple(number(key) for key in keys)) for route, keys in facets.routes)
    exits = tuple(number(key) for key in facets.exits)
    every = sorted({*own, *exits, *(item for _, items in routes for item in items)})
    return Shape(own, routes, exits, tuple(every), mask_of(every), mask_of(own))


@lru_cache(maxsize=2 * MAX_CLASSES)
def plain_shape(number: int) -> Shape:
    """The shape of a node that has this one class."""
    mask = 1 << number
    return Shape((number,), (), (), (number,), mask, mask)


class _Builder:
    """Collects classes while nodes are read."""

    __slots__ = ("ids", "index")

    def __init__(self) -> None:
        self.index: dict[FacetKey, int] = {}
        self.ids: list[list[int]] = []

    def number(self, key: FacetKey) -> int:
        found = self.index.get(key)
        if found is None:
            found = self.index[key] = len(self.ids)
            self.ids.append([])
        return found


def classify(world: World, kinds: Kinds, classifier: Classifier, muted: frozenset[int] = frozenset()) -> Classes:
    """Put every node into its classes: alike ones together, and one by one only those that some rule singles out.

    What nodes in ``muted`` report of themselves counts as unknown.
    """
    build = _Builder()
    single = singled_out(world, classifier)
    apart = {principal_of(node) for ident in single if (node := world.nodes.get(ident)) is not None}
    for families, kind in kinds.items():
        if not families:
            continue
        alike: dict[int, list[int]] = {}
        for principal, every in kind.items():
            ids = [ident for ident in every if ident not in single] if principal in apart else every
            terms = classifier.of_principal(principal)
            if terms & classifier.conditioned:
                for meets, some in _by_condition(world, classifier, terms, ids, muted):
                    key = classifier.facet_of_kind(KindKey(principal, families, meets))
                    build.ids[build.number(key)].extend(some)
            elif ids:
                known = alike.get(terms)
                if known is None:
                    known = alike[terms] = build.ids[build.number(FacetKey(families, terms))]
                known.extend(ids)
    singles: dict[int, Shape] = {}
    for ident in single:
        node = world.nodes.get(ident)
        if node is not None:
            shape = singles[ident] = shape_of(classifier.facets(node, known=ident not in muted), build.number)
            for number in shape.all:
                build.ids[number].append(ident)
    return _classes_of(build.index, [world.id_set(ids) for ids in build.ids], Table(singles))


def _by_condition(
    world: World, classifier: Classifier, terms: int, ids: list[int], muted: frozenset[int]
) -> list[tuple[int, list[int]]]:
    """Nodes of one principal, which ``terms`` match, by the terms under conditions that they match and meet."""
    touched = terms & classifier.conditioned
    found: dict[int, list[int]] = {}
    for ident in ids:
        node = world.nodes.get(ident)
        assert node is not None
        found.setdefault(touched & classifier.holding(node, known=ident not in muted), []).append(ident)
    return list(found.items())


def singled_out(world: World, classifier: Classifier) -> set[int]:
    """The nodes that a term names, whose address a term holds, or that have approved routes."""
    single = {*world.routers, *classifier.named_nodes}
    for prefix in classifier.address_terms:
        single.update(world.inside(prefix))
    return single


def _classes_of(index: dict[FacetKey, int], ids: list[IdSet], singles: Table[int, Shape]) -> Classes:
    keys = list(index)
    size = len(keys)
    by_term: list[list[int]] = []
    for number, key in enumerate(keys):
        for term in few(key.terms):
            while len(by_term) <= term:
                by_term.append([])
            by_term[term].append(number)
    families = (
        large_mask_of((number for number, key in enumerate(keys) if key.families & IPV4), size),
        large_mask_of((number for number, key in enumerate(keys) if key.families & IPV6), size),
    )
    return Classes(keys, index, ids, singles, [large_mask_of(numbers, size) for numbers in by_term], families)


__all__ = ["NO_SHAPE", "Classes", "Shape", "classify", "plain_shape", "shape_of", "singled_out"]
