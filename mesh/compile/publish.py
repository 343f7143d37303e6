"""What a compiled policy hands to agents: packet filters and the sets they refer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from mesh.compile.bits import members
from mesh.compile.classifier import FacetKey
from mesh.compile.filters import Filters, KnownEntries, Target
from mesh.compile.ids import IdSet
from mesh.compile.internet import internet_prefixes
from mesh.compile.rows import Line
from mesh.compile.set_members import everything
from mesh.compile.sets import EVERYTHING, set_name
from mesh.compile.terms import SELF_BIT, SourceTerm
from mesh.compile.world import World
from mesh.policy.facts import Address, PolicyNode, Prefix, is_default_route
from mesh.policy.selectors import SelectorKind, user

if TYPE_CHECKING:
    from mesh.compile.compiled import CompiledPolicy

_CONSTANT: Final = frozenset({SelectorKind.USER, SelectorKind.TAG, SelectorKind.NODE})
"""Selectors whose sets, without conditions, never change."""

Wire = tuple[list[dict[str, Any]], tuple[str, ...]]
FilterKey = tuple[tuple[FacetKey, ...], tuple[Prefix, ...], int | None, tuple[Address, ...]]
_EARLIER: Final = 8
"""Over how many edits a filter that nobody asked for is remembered."""


@dataclass(slots=True)
class Memo:
    """What was worked out on demand. Entries never change once written, so a race costs work and nothing else.

    ``names`` leads from the name of a set to its term, ``volatile`` does for those that may come to have other members
    while the policy stays; their members are in ``sets``, all others' in ``constants``. Names, constants, entries and
    filters are shared with the policies that this one moves on to.
    """

    peers: dict[tuple[int, ...], IdSet] = field(default_factory=dict)
    filters: dict[FilterKey, Wire] = field(default_factory=dict)
    earlier: tuple[tuple[dict[FilterKey, Wire], int], ...] = ()
    """Filters of before edits of the policy, the latest first, and the terms that destinations were named by since."""
    names: dict[str, SourceTerm] = field(default_factory=dict)
    volatile: dict[str, SourceTerm] = field(default_factory=dict)
    constants: dict[str, dict[str, Any]] = field(default_factory=dict)
    sets: dict[str, dict[str, Any]] = field(default_factory=dict)
    entries: KnownEntries = field(default_factory=dict)
    internet: dict[int, tuple[Prefix, ...]] = field(default_factory=dict)
    strays: frozenset[Prefix] | None = None
    everything: tuple[Prefix, ...] | None = None


def filter_of(compiled: CompiledPolicy, node_id: int) -> Wire:
    """See ``CompiledPolicy.filter_of``."""
    node = compiled.node(node_id)
    if node is None:
        return [], ()
    key = _filter_key(compiled, node)
    found = compiled.memo.filters.get(key)
    if found is None and (found := _earlier(compiled.memo, key)) is not None:
        compiled.memo.filters[key] = found
    if found is None:
        writer = Filters(
            ranges=compiled.world.ranges,
            internet=lambda family: _internet(compiled, family),
            name=lambda term: _name(compiled, term),
            own_sources=lambda line, owner: own_sources(compiled, line, owner),
            known=compiled.memo.entries,
        )
        entries = writer.write(_lines_for(compiled, node), _target(compiled, node))
        sources = {source for entry in entries for source in entry.sources}
        names = {source[4:] for source in sources if source.startswith("set:")} | ({EVERYTHING} & sources)
        found = compiled.memo.filters[key] = ([entry.wire() for entry in entries], tuple(sorted(names)))
    return found


def _earlier(memo: Memo, key: FilterKey) -> Wire | None:
    """A filter from before other rules came into force, none of which is about nodes like this."""
    own, routes, *_ = key
    if routes:
        return None
    for filters, terms in memo.earlier:
        if any(facet.terms & terms for facet in own):
            return None
        found = filters.get(key)
        if found is not None:
            return found
    return None


def _filter_key(compiled: CompiledPolicy, node: PolicyNode) -> FilterKey:
    """What a filter depends on: equal keys mean equal filters."""
    shape = compiled.shape(node.id)
    owner = node.user if compiled.sides.self_lines and not node.tags else None
    ranges = compiled.world.ranges
    strays = tuple(item for item in node.addresses if not any(item in mesh for mesh in ranges))
    own = tuple(
        compiled.classes.keys[number] for number in shape.own
    )  # keys, not numbers: moves share what is memoised
    return own, node.routes, owner, strays


def _lines_for(compiled: CompiledPolicy, node: PolicyNode) -> list[Line]:
    terms = 0
    for number in compiled.shape(node.id).all:
        terms |= compiled.classes.keys[number].terms
    lines = compiled.sides.towards(terms)
    if terms & SELF_BIT:
        lines |= compiled.sides.self_lines
    return [compiled.sides.lines[number] for number in members(lines)]


def _target(compiled: CompiledPolicy, node: PolicyNode) -> Target:
    classifier = compiled.classifier
    return Target(
        node.addresses,
        tuple(classifier.own_facet(node, address).terms for address in node.addresses),
        tuple(route for route in node.routes if not is_default_route(route)),
        tuple(sorted(route.version for route in node.routes if is_default_route(route))),
        None if node.tags else node.user,
    )


def carried_over(compiled: CompiledPolicy, world: World, touched: Iterable[int]) -> Memo:
    """What stays true when the nodes ``touched`` have changed and ``world`` is the outcome."""
    memo, before = compiled.memo, compiled.world
    pairs = [(before.nodes.get(ident), world.nodes.get(ident)) for ident in touched]
    routed = any(
        (old.routes if old is not None else ()) != (new.routes if new is not None else ()) for old, new in pairs
    )
    named = any(compiled.classifier.names(node.id) for pair in pairs for node in pair if node is not None)
    bounds = world.ranges
    astray = any(
        not any(address in mesh for mesh in bounds)
        for pair in pairs
        for node in pair
        if node is not None
        for address in node.addresses
    )
    stale = {EVERYTHING} if routed or astray else set()
    for name, term in memo.volatile.items():
        if _may_change(term, before, world):
            stale.add(name)
    return Memo(
        filters={} if routed or named or astray else memo.filters,
        earlier=() if routed or named or astray else memo.earlier,
        names=memo.names,
        volatile=memo.volatile,
        constants=memo.constants,
        entries=memo.entries,
        sets={name: found for name, found in memo.sets.items() if name not in stale},
        internet={} if routed or astray else memo.internet,
        strays=None if astray else memo.strays,
        everything=None if routed or astray else memo.everything,
    )


def refiltered(memo: Memo, changed: Iterable[Line]) -> Memo:
    """What stays true when other rules come into force over the same nodes: all but peers, and filters of nodes that a
    changed line is about."""
    terms = 0
    for line in changed:
        if line.own_devices:
            return replace(memo, peers={}, filters={}, earlier=())
        terms |= line.destinations
    earlier = ((memo.filters, terms), *((filters, former | terms) for filters, former in memo.earlier))
    return replace(memo, peers={}, filters={}, earlier=earlier[:_EARLIER])


def regrouped(memo: Memo, before: Mapping[str, frozenset[int]], after: Mapping[str, frozenset[int]]) -> Memo:
    """What stays true when more is said over the same nodes, and perhaps of other groups: what is said already keeps
    its numbers, so that only sets of those groups are others."""
    sets = memo.sets
    if before is not after:
        sets = {
            name: found
            for name, found in sets.items()
            if (term := memo.volatile.get(name)) is None
            or term.selector.kind is not SelectorKind.GROUP
            or before.get(term.selector.name) == after.get(term.selector.name)
        }
    return replace(memo, peers={}, filters={}, sets=sets, earlier=())


def _may_change(term: SourceTerm, before: World, after: World) -> bool:
    """Whether the set of ``term`` may have other members after nodes changed."""
    if term.conditions:
        return True
    match term.selector.kind:
        case SelectorKind.TAGGED:
            return before.principals is not after.principals
        case SelectorKind.MEMBER:
            return before.principals is not after.principals or before.users is not after.users
        case _:
            return False


def own_sources(compiled: CompiledPolicy, line: Line, owner: int) -> tuple[SourceTerm, ...]:
    """The sources of a rule as they stand between the devices of one user."""
    found: list[SourceTerm] = []
    for term in line.said.sources:
        selector = term.selector
        match selector.kind:
            case SelectorKind.ANY | SelectorKind.MEMBER:
                found.append(term._replace(selector=user(owner)))
            case SelectorKind.USER if selector.ident == owner:
                found.append(term)
            case SelectorKind.GROUP if owner in compiled.groups.get(selector.name, ()):
                found.append(term._replace(selector=user(owner)))
            case SelectorKind.NODE:
                named = compiled.node(selector.ident)
                if named is not None and not named.tags and named.user == owner:
                    found.append(term)
            case _:
                pass
    return tuple(dict.fromkeys(found))


def _name(compiled: CompiledPolicy, term: SourceTerm) -> str:
    name = set_name(term)
    if name not in compiled.memo.names:
        compiled.memo.names[name] = term
        if term.conditions or term.selector.kind not in _CONSTANT:
            compiled.memo.volatile[name] = term
    return name


def _internet(compiled: CompiledPolicy, family: int) -> tuple[Prefix, ...]:
    found = compiled.memo.internet.get(family)
    if found is None:
        found = compiled.memo.internet[family] = internet_prefixes(family, everything(compiled))
    return found


__all__ = ["Memo", "filter_of", "own_sources"]
