"""The members of the sets that packet filters refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh.compile.filters import overlap, single
from mesh.compile.internet import collapsed
from mesh.compile.sets import EVERYTHING, wire_set
from mesh.compile.terms import SourceTerm
from mesh.policy.facts import Prefix
from mesh.policy.selectors import SelectorKind

if TYPE_CHECKING:
    from mesh.compile.compiled import CompiledPolicy


def everything(compiled: CompiledPolicy) -> tuple[Prefix, ...]:
    """What the source ``*`` stands for: every address of the network and of its approved subnet routes."""
    if compiled.memo.everything is None:
        compiled.memo.everything = collapsed((*compiled.world.ranges, *compiled.world.routes(), *_strays(compiled)))
    return compiled.memo.everything


def _strays(compiled: CompiledPolicy) -> frozenset[Prefix]:
    """The addresses of nodes that lie outside the network's ranges, as after a change of ranges."""
    if compiled.memo.strays is None:
        bounds = {item.version: (int(item[0]), int(item[-1])) for item in compiled.world.ranges}
        compiled.memo.strays = frozenset(
            single(address)
            for node in compiled.world.nodes.values()
            for address in node.addresses
            if not (bound := bounds.get(address.version, (1, 0)))[0] <= int(address) <= bound[1]
        )
    return compiled.memo.strays


def set_of(compiled: CompiledPolicy, name: str) -> dict[str, Any]:
    """See ``CompiledPolicy.set_of``."""
    memo = compiled.memo
    if name != EVERYTHING and name not in memo.volatile:
        constant = memo.constants.get(name)
        if constant is None:
            constant = memo.constants[name] = _plain(compiled, memo.names[name])
        return constant
    found = memo.sets.get(name)
    if found is None:
        if name == EVERYTHING:
            found = wire_set(prefixes=everything(compiled))
        else:
            term = memo.volatile[name]
            found = _conditioned(compiled, term) if term.conditions else _plain(compiled, term)
        memo.sets[name] = found
    return found


def _plain(compiled: CompiledPolicy, term: SourceTerm) -> dict[str, Any]:
    selector = term.selector
    world = compiled.world
    match selector.kind:
        case SelectorKind.USER:
            return wire_set(users=[selector.ident])
        case SelectorKind.GROUP:
            return wire_set(users=compiled.groups.get(selector.name, ()))
        case SelectorKind.TAG:
            return wire_set(tags=[selector.name])
        case SelectorKind.NODE:
            return wire_set(ids=[selector.ident])
        case SelectorKind.TAGGED:
            return wire_set(tags=world.tags_in_use())
        case SelectorKind.MEMBER:
            owners = {item for item, ids in world.principals.items() if isinstance(item, int) and ids}
            return wire_set(users=owners.union(world.users), ids=sorted(world.of(None)))
        case _:
            raise AssertionError(f"{selector} stands for itself and needs no set")


def _conditioned(compiled: CompiledPolicy, term: SourceTerm) -> dict[str, Any]:
    """A set under conditions has no members but those that are known to meet them now (or, for a denial, are not known
    to escape them): ids, or addresses where the selector is about addresses."""
    selector = term.selector
    number = compiled.terms.of_source(term)
    if number is None:  # the devices of one user, as autogroup:self has them
        return wire_set(
            ids=sorted(
                ident
                for ident in compiled.world.of(selector.ident)
                if (node := compiled.node(ident)) is not None
                and compiled.classifier.meets(term, node, known=ident not in compiled.muted)
            )
        )
    ids = compiled.nodes_in(compiled.classes.matching(1 << number) & compiled.classes.own)
    routes = compiled.world.routes() if term.denies else ()
    if selector.prefix is None:
        return wire_set(ids=ids, prefixes=collapsed(routes if selector.kind is SelectorKind.ANY else ()))
    covered = {
        single(address)
        for ident in ids
        if (node := compiled.node(ident)) is not None
        for address in node.addresses
        if address in selector.prefix
    }
    covered.update(common for route in routes if (common := overlap(route, selector.prefix)) is not None)
    return wire_set(prefixes=collapsed(covered))
