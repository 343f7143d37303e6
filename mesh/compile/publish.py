"""What a compiled policy hands to agents: packet filters and the sets they refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyroaring import BitMap64

from mesh.compile.bits import members
from mesh.compile.filters import Filters, Target, overlap, single
from mesh.compile.internet import collapsed, internet_prefixes
from mesh.compile.rows import Line
from mesh.compile.sets import EVERYTHING, set_name, wire_set
from mesh.compile.terms import DESTINATION_MEMBER, DESTINATION_SELF, DESTINATION_TAGGED, SourceTerm
from mesh.policy.facts import PolicyNode, Prefix, is_default_route
from mesh.policy.selectors import SelectorKind, user

if TYPE_CHECKING:
    from mesh.compile.compiled import CompiledPolicy

Wire = tuple[list[dict[str, Any]], tuple[str, ...]]


def filter_of(compiled: CompiledPolicy, node_id: int) -> Wire:
    """See ``CompiledPolicy.filter_of``."""
    node = compiled.node(node_id)
    if node is None:
        return [], ()
    key = _filter_key(compiled, node)
    found = compiled.memo.filters.get(key)
    if found is None:
        writer = Filters(
            ranges=compiled.world.ranges,
            internet=lambda family: _internet(compiled, family),
            name=lambda term: _name(compiled, term),
            own_sources=lambda line, owner: own_sources(compiled, line, owner),
        )
        entries = writer.write(_lines_for(compiled, node), _target(compiled, node))
        sources = {source for entry in entries for source in entry.sources}
        names = {source[4:] for source in sources if source.startswith("set:")} | ({EVERYTHING} & sources)
        found = compiled.memo.filters[key] = ([entry.wire() for entry in entries], tuple(sorted(names)))
    return found


def _filter_key(compiled: CompiledPolicy, node: PolicyNode) -> object:
    """What a filter depends on: equal keys mean equal filters."""
    shape = compiled.shape(node.id)
    owner = node.user if compiled.sides.self_numbers and not node.tags else None
    ranges = compiled.world.ranges
    strays = tuple(item for item in node.addresses if not any(item in mesh for mesh in ranges))
    return shape.own, node.routes, owner, strays


def _lines_for(compiled: CompiledPolicy, node: PolicyNode) -> list[Line]:
    terms = 0
    for number in compiled.shape(node.id).all:
        terms |= compiled.classes.keys[number].destination
    numbers: set[int] = set()
    for term in members(terms):
        if term < len(compiled.sides.by_destination):
            numbers.update(compiled.sides.by_destination[term])
    if terms >> DESTINATION_SELF & 1:
        numbers |= compiled.sides.self_numbers
    return [compiled.lines[number] for number in sorted(numbers)]


def _target(compiled: CompiledPolicy, node: PolicyNode) -> Target:
    return Target(
        node.addresses,
        tuple(compiled.classifier.own_facet(node, address).destination for address in node.addresses),
        tuple(route for route in node.routes if not is_default_route(route)),
        tuple(sorted(route.version for route in node.routes if is_default_route(route))),
        None if node.tags else node.user,
    )


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
    compiled.memo.names[name] = term
    return name


def _internet(compiled: CompiledPolicy, family: int) -> tuple[Prefix, ...]:
    found = compiled.memo.internet.get(family)
    if found is None:
        found = compiled.memo.internet[family] = internet_prefixes(family, everything(compiled))
    return found


def everything(compiled: CompiledPolicy) -> tuple[Prefix, ...]:
    """What the source ``*`` stands for: every address of the network and of its approved subnet routes."""
    if compiled.memo.everything is None:
        found: set[Prefix] = set(compiled.world.ranges)
        for node in compiled.world.nodes.values():
            found.update(route for route in node.routes if not is_default_route(route))
            found.update(
                single(address)
                for address in node.addresses
                if not any(address in mesh for mesh in compiled.world.ranges)
            )
        compiled.memo.everything = collapsed(found)
    return compiled.memo.everything


def set_of(compiled: CompiledPolicy, name: str) -> dict[str, Any]:
    """See ``CompiledPolicy.set_of``."""
    found = compiled.memo.sets.get(name)
    if found is None:
        if name == EVERYTHING:
            found = wire_set(prefixes=everything(compiled))
        else:
            term = compiled.memo.names[name]
            found = _conditioned(compiled, term) if term.conditions else _plain(compiled, term)
        compiled.memo.sets[name] = found
    return found


def _plain(compiled: CompiledPolicy, term: SourceTerm) -> dict[str, Any]:
    selector = term.selector
    match selector.kind:
        case SelectorKind.USER:
            return wire_set(users=[selector.ident])
        case SelectorKind.GROUP:
            return wire_set(users=compiled.groups.get(selector.name, ()))
        case SelectorKind.TAG:
            return wire_set(tags=[selector.name])
        case SelectorKind.NODE:
            return wire_set(ids=BitMap64([selector.ident]))
        case SelectorKind.TAGGED:
            return wire_set(tags=compiled.world.tags_in_use())
        case SelectorKind.MEMBER:
            owners = {item for item, ids in compiled.world.principals.items() if isinstance(item, int) and ids}
            nobodys = BitMap64(compiled.world.principals.get(None) or ())
            return wire_set(users=owners.union(compiled.world.users), ids=nobodys)
        case _:
            raise AssertionError(f"{selector} stands for itself and needs no set")


def _conditioned(compiled: CompiledPolicy, term: SourceTerm) -> dict[str, Any]:
    """A set under conditions has no members but those that are known to meet them now (or, for a denial, are not known
    to escape them): ids, or addresses where the selector speaks of addresses."""
    selector = term.selector
    number = compiled.terms.sources.get(term)
    if number is None:  # the devices of one user, as autogroup:self has them
        holding = (
            ident
            for ident in compiled.world.owned_by(selector.ident)
            if (node := compiled.node(ident)) is not None and compiled.classifier.meets(term, node)
        )
        return wire_set(ids=BitMap64(holding))
    ids = BitMap64()
    table = compiled.classes.source_members
    for item in members((table[number] if number < len(table) else 0) & own_classes(compiled)):
        ids |= compiled.classes.members[item]
    prefixes: set[Prefix] = set()
    if term.denies and selector.kind is SelectorKind.ANY:
        prefixes.update(item for item in everything(compiled) if item not in compiled.world.ranges)
    if selector.prefix is None:
        return wire_set(ids=ids, prefixes=collapsed(prefixes))
    for ident in ids:
        node = compiled.node(ident)
        assert node is not None
        prefixes.update(single(address) for address in node.addresses if address in selector.prefix)
    if term.denies:
        prefixes.update(_routes_inside(compiled, selector.prefix))
    return wire_set(prefixes=collapsed(prefixes))


def _routes_inside(compiled: CompiledPolicy, prefix: Prefix) -> set[Prefix]:
    return {
        common
        for node in compiled.world.nodes.values()
        for route in node.routes
        if not is_default_route(route) and (common := overlap(route, prefix)) is not None
    }


def own_classes(compiled: CompiledPolicy) -> int:
    """The classes of nodes' own addresses, as against routes and the internet."""
    table = compiled.classes.destination_members
    return sum(table[term] for term in (DESTINATION_MEMBER, DESTINATION_TAGGED) if term < len(table))
