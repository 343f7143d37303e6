"""From a node to its policy classes: which terms each of its addresses, routes and exits match.

A node is one *facet* or several: its own addresses (more than one facet when an address term holds some of them only),
each approved route (cut where address terms begin and end inside it), and the internet where it is an exit node. Facets
with equal keys cannot be told apart by any rule and form one class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from mesh.compile.prefixes import PrefixTable
from mesh.compile.terms import INTERNET_BIT, SourceTerm, Terms
from mesh.compile.world import IPV4, IPV6, Principal, families_of, principal_of
from mesh.policy.conditions import Condition, assess_conditions, holds
from mesh.policy.facts import Address, PolicyNode, Posture, Prefix, is_default_route
from mesh.policy.selectors import Selector, SelectorKind

_FAMILY: Final[Mapping[int, int]] = {4: IPV4, 6: IPV6}
_STRANGER: Final = PolicyNode(0, "", None)
"""A source that nobody knows anything of: a host behind a router, or a node whose posture is passed over."""


class FacetKey(NamedTuple):
    """What tells one class from another: address families (bits of IPV4, IPV6) and the terms matched, as bits.

    Nothing is said of a source that is not said of a destination in the same words, but for conditions; so one set of
    terms serves both sides.
    """

    families: int
    terms: int


class KindKey(NamedTuple):
    """What decides the class of a node that no rule singles out: its principal, its address families, and the terms
    under conditions that it matches and meets."""

    principal: Principal
    families: int
    meets: int


class Facets(NamedTuple):
    """The facets of one node: of its own addresses, of each approved subnet route, and the internet's if it has one."""

    own: tuple[FacetKey, ...]
    routes: tuple[tuple[Prefix, tuple[FacetKey, ...]], ...] = ()
    exits: tuple[FacetKey, ...] = ()


class _Matchers:
    """The terms by what they look at; each value is the bit set of the terms that do."""

    __slots__ = ("fixed", "groups", "nodes", "tags", "users")

    def __init__(self, numbered: Iterable[tuple[Selector, int]]) -> None:
        self.fixed: dict[SelectorKind, int] = dict.fromkeys(SelectorKind, 0)
        self.users: dict[int, int] = {}
        self.groups: dict[str, int] = {}
        self.tags: dict[str, int] = {}
        self.nodes: dict[int, int] = {}
        for selector, number in numbered:
            bit = 1 << number
            match selector.kind:
                case SelectorKind.USER:
                    self.users[selector.ident] = self.users.get(selector.ident, 0) | bit
                case SelectorKind.GROUP:
                    self.groups[selector.name] = self.groups.get(selector.name, 0) | bit
                case SelectorKind.TAG:
                    self.tags[selector.name] = self.tags.get(selector.name, 0) | bit
                case SelectorKind.NODE:
                    self.nodes[selector.ident] = self.nodes.get(selector.ident, 0) | bit
                case SelectorKind.HOST:
                    raise AssertionError("named hosts are resolved before they become terms")
                case kind:  # addresses are the prefix table's
                    self.fixed[kind] |= bit

    @property
    def anything(self) -> int:
        """The terms that match every address of the network and of its subnet routes."""
        return self.fixed[SelectorKind.ANY]

    def of_tags(self, tags: frozenset[str]) -> int:
        """The terms that match nodes with these tags."""
        mask = self.anything | self.fixed[SelectorKind.TAGGED]
        for name in tags:
            mask |= self.tags.get(name, 0)
        return mask

    def of_groups(self, groups: tuple[str, ...]) -> int:
        """The terms that match untagged nodes whose owner is in these groups, the owner's own terms aside."""
        mask = self.of_nobody() | self.fixed[SelectorKind.SELF]
        for name in groups:
            mask |= self.groups.get(name, 0)
        return mask

    def of_nobody(self) -> int:
        """The terms that match untagged nodes without an owner."""
        return self.anything | self.fixed[SelectorKind.MEMBER]


class Classifier:
    """Turns nodes into facets for one set of terms and one membership of groups. Remembers what it worked out."""

    __slots__ = (
        "_by_condition",
        "_by_groups",
        "_by_tags",
        "_grouped",
        "_groups",
        "_matchers",
        "_unconditional",
        "_unknown",
        "address_terms",
        "conditioned",
        "prefixes",
    )

    def __init__(self, terms: Terms, groups: Mapping[int, tuple[str, ...]]) -> None:
        self._groups = groups
        grouped: dict[tuple[tuple[Condition, ...], bool], int] = {}
        numbered: list[tuple[Selector, int]] = []
        self._unconditional = self.conditioned = 0
        for term, number in terms.numbers.items():
            if isinstance(term, SourceTerm):
                key = (term.conditions, term.denies)
                grouped[key] = grouped.get(key, 0) | 1 << number
                self.conditioned |= 1 << number
                numbered.append((term.selector, number))
            else:
                self._unconditional |= 1 << number
                numbered.append((term, number))
        self._matchers = _Matchers(numbered)
        self._grouped = [(conditions, denies, mask) for (conditions, denies), mask in grouped.items()]
        held = [(selector.prefix, 1 << number) for selector, number in numbered if selector.prefix is not None]
        self.prefixes = PrefixTable(held)
        self.address_terms = tuple(dict.fromkeys(network for network, _ in held))
        self._by_tags: dict[frozenset[str], int] = {}
        self._by_groups: dict[tuple[str, ...], int] = {}
        self._by_condition: dict[tuple[str, str, Posture | None], int] = {}
        self._unknown = self._holding(_STRANGER)

    @property
    def named_nodes(self) -> frozenset[int]:
        """The nodes that some term names."""
        return frozenset(self._matchers.nodes)

    def names(self, node_id: int) -> bool:
        """Whether some term names this node."""
        return node_id in self._matchers.nodes

    def of_principal(self, principal: Principal) -> int:
        """The terms that match a node by its owner or its tags, conditions aside. A tagged node belongs to its tags and
        no longer to its user."""
        if principal is None:
            return self._matchers.of_nobody()
        if isinstance(principal, frozenset):
            terms = self._by_tags.get(principal)
            if terms is None:
                terms = self._by_tags[principal] = self._matchers.of_tags(principal)
            return terms
        groups = self._groups.get(principal, ())
        terms = self._by_groups.get(groups)
        if terms is None:
            terms = self._by_groups[groups] = self._matchers.of_groups(groups)
        return terms | self._matchers.users.get(principal, 0)

    def holding(self, node: PolicyNode, *, known: bool = True) -> int:
        """The terms whose conditions hold for ``node``: all but those that its posture rules out.

        ``known`` False passes over what it reported of itself.
        """
        if not self.conditioned:
            return self._unconditional
        if not known:
            return self._unknown
        key = (node.os, node.agent_version, node.posture)
        mask = self._by_condition.get(key)
        if mask is None:
            mask = self._by_condition[key] = self._holding(node)
        return mask

    def _holding(self, node: PolicyNode) -> int:
        mask = self._unconditional
        for conditions, denies, terms in self._grouped:
            if holds(assess_conditions(conditions, node), accept=not denies):
                mask |= terms
        return mask

    def kind_of(self, node: PolicyNode, *, known: bool = True) -> KindKey:
        """The kind of a node that no rule singles out."""
        principal = principal_of(node)
        meets = 0
        if self.conditioned and (touched := self.of_principal(principal) & self.conditioned):
            meets = touched & self.holding(node, known=known)
        return KindKey(principal, families_of(node), meets)

    def facet_of_kind(self, kind: KindKey) -> FacetKey:
        """The one facet of such a node."""
        return FacetKey(kind.families, self.of_principal(kind.principal) & self._unconditional | kind.meets)

    def facets(self, node: PolicyNode, *, known: bool = True) -> Facets:
        """All facets of any node."""
        terms = self._of_node(node)
        holding = self.holding(node, known=known)
        own: dict[int, int] = {}
        for address in node.addresses:
            matched = (terms | self.prefixes.terms_of(address)) & holding
            own[matched] = own.get(matched, 0) | _FAMILY[address.version]
        facets = tuple(FacetKey(families, matched) for matched, families in own.items())
        if not node.routes:
            return Facets(facets)
        routes = tuple((route, self._route_facets(route)) for route in node.routes if not is_default_route(route))
        return Facets(facets, routes, self._exits(node))

    def own_facet(self, node: PolicyNode, address: Address, *, known: bool = True) -> FacetKey:
        """The facet of one of the node's own addresses, for that address alone."""
        terms = (self._of_node(node) | self.prefixes.terms_of(address)) & self.holding(node, known=known)
        return FacetKey(_FAMILY[address.version], terms)

    def _of_node(self, node: PolicyNode) -> int:
        """The terms that match a node by owner, tags or by naming it, conditions aside."""
        return self.of_principal(principal_of(node)) | self._matchers.nodes.get(node.id, 0)

    def _route_facets(self, route: Prefix) -> tuple[FacetKey, ...]:
        """The facets of a subnet behind a router. Nobody knows anything of the hosts there: conditions are unknown."""
        family, anything = _FAMILY[route.version], self._matchers.anything
        pieces = ((anything | terms) & self._unknown for terms in self.prefixes.pieces_of(route))
        return tuple(FacetKey(family, terms) for terms in dict.fromkeys(pieces))

    def _exits(self, node: PolicyNode) -> tuple[FacetKey, ...]:
        families = 0
        for route in node.routes:
            if is_default_route(route):
                families |= _FAMILY[route.version]
        return (FacetKey(families, INTERNET_BIT),) if families else ()

    def own_terms(self, node: PolicyNode, address: Address) -> int:
        """The terms that match one of the node's own addresses, as bits, whether or not conditions hold."""
        return self._of_node(node) | self.prefixes.terms_of(address)

    def stranger_terms(self, address: Address, *, routed: bool) -> int:
        """The terms that match an address that no node has, as bits, whether or not conditions hold: one of the network
        or behind a router (``routed``), or one that the policy at most names."""
        return self.prefixes.terms_of(address) | (self.anything if routed else 0)

    @property
    def anything(self) -> int:
        """The terms that match every address of the network and its subnet routes, conditions aside."""
        return self._matchers.anything

    @property
    def unknown(self) -> int:
        """The terms whose conditions hold for a source that nobody knows anything of."""
        return self._unknown

    def meets(self, term: SourceTerm, node: PolicyNode, *, known: bool = True) -> bool:
        """Whether the conditions of ``term`` hold for ``node``."""
        return holds(assess_conditions(term.conditions, node if known else _STRANGER), accept=not term.denies)
