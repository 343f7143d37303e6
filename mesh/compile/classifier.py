"""From a node to its policy classes: which terms each of its addresses, routes and exits match.

A node is one *facet* or several: its own addresses (more than one facet when an address term holds some of them only),
each approved route (cut where address terms begin and end inside it), and the internet where it is an exit node. Facets
with equal keys cannot be told apart by any rule and form one class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from mesh.compile.prefixes import NOTHING, Marks, PrefixTable
from mesh.compile.terms import SourceTerm, Terms
from mesh.compile.world import IPV4, IPV6, Principal, families_of, principal_of
from mesh.policy.conditions import Condition, assess_conditions, holds
from mesh.policy.facts import Address, PolicyNode, Posture, Prefix, is_default_route
from mesh.policy.selectors import Selector, SelectorKind

_FAMILY: Final[Mapping[int, int]] = {4: IPV4, 6: IPV6}
_STRANGER: Final = PolicyNode(0, "", None)
"""A source that nobody knows anything of: a host behind a router, or a node whose posture is passed over."""


class FacetKey(NamedTuple):
    """What tells one class from another: families (bits of IPV4, IPV6) and matched terms (bit sets) on either side."""

    families: int
    destination: int
    source: int


class KindKey(NamedTuple):
    """What decides the class of a node that no rule singles out: its principal, its address families, and the source
    terms under conditions that it matches and meets."""

    principal: Principal
    families: int
    meets: int


class Facets(NamedTuple):
    """The facets of one node: of its own addresses, of each approved subnet route, and the internet's if it has one."""

    own: tuple[FacetKey, ...]
    routes: tuple[tuple[Prefix, tuple[FacetKey, ...]], ...] = ()
    exits: tuple[FacetKey, ...] = ()


class _Side:
    """The terms of one side, by what they look at; each value is the bit set of the terms that say so."""

    __slots__ = ("fixed", "groups", "nodes", "tags", "users")

    def __init__(self, numbered: Mapping[int, Selector]) -> None:
        self.fixed: dict[SelectorKind, int] = dict.fromkeys(SelectorKind, 0)
        self.users: dict[int, int] = {}
        self.groups: dict[str, int] = {}
        self.tags: dict[str, int] = {}
        self.nodes: dict[int, int] = {}
        for number, selector in numbered.items():
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
        mask = self.anything | self.fixed[SelectorKind.MEMBER] | self.fixed[SelectorKind.SELF]
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
        "_destinations",
        "_grouped",
        "_groups",
        "_sources",
        "_unconditional",
        "_unknown",
        "address_terms",
        "conditioned",
        "prefixes",
    )

    def __init__(self, terms: Terms, groups: Mapping[int, tuple[str, ...]]) -> None:
        self._groups = groups
        self._destinations = _Side({number: selector for selector, number in terms.destinations.items()})
        self._sources = _Side({number: term.selector for term, number in terms.sources.items()})
        grouped: dict[tuple[tuple[Condition, ...], bool], int] = {}
        marks: list[tuple[Prefix, Marks]] = []
        self._unconditional = self.conditioned = 0
        for term, number in terms.sources.items():
            if term.conditions:
                key = (term.conditions, term.denies)
                grouped[key] = grouped.get(key, 0) | 1 << number
                self.conditioned |= 1 << number
            else:
                self._unconditional |= 1 << number
            if term.selector.prefix is not None:
                marks.append((term.selector.prefix, Marks(0, 1 << number)))
        for selector, number in terms.destinations.items():
            if selector.prefix is not None:
                marks.append((selector.prefix, Marks(1 << number, 0)))
        self._grouped = [(conditions, denies, mask) for (conditions, denies), mask in grouped.items()]
        self.prefixes = PrefixTable(marks)
        self.address_terms = tuple(dict.fromkeys(network for network, _ in marks))
        self._by_tags: dict[frozenset[str], Marks] = {}
        self._by_groups: dict[tuple[str, ...], Marks] = {}
        self._by_condition: dict[tuple[str, str, Posture | None], int] = {}
        self._unknown = self._holding(_STRANGER)

    @property
    def named_nodes(self) -> frozenset[int]:
        """The nodes that some term names."""
        return frozenset(self._destinations.nodes) | frozenset(self._sources.nodes)

    def names(self, node_id: int) -> bool:
        """Whether some term names this node."""
        return node_id in self._destinations.nodes or node_id in self._sources.nodes

    def of_principal(self, principal: Principal) -> Marks:
        """The terms that match a node by its owner or its tags, conditions aside. A tagged node belongs to its tags and
        no longer to its user."""
        if principal is None:
            return Marks(self._destinations.of_nobody(), self._sources.of_nobody())
        if isinstance(principal, frozenset):
            marks = self._by_tags.get(principal)
            if marks is None:
                marks = Marks(self._destinations.of_tags(principal), self._sources.of_tags(principal))
                self._by_tags[principal] = marks
            return marks
        groups = self._groups.get(principal, ())
        marks = self._by_groups.get(groups)
        if marks is None:
            marks = Marks(self._destinations.of_groups(groups), self._sources.of_groups(groups))
            self._by_groups[groups] = marks
        destination, source = self._destinations.users.get(principal, 0), self._sources.users.get(principal, 0)
        return marks.joined(Marks(destination, source)) if destination or source else marks

    def holding(self, node: PolicyNode, *, known: bool = True) -> int:
        """The source terms whose conditions hold for ``node``: all but those that its posture rules out.

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
        if self.conditioned and (touched := self.of_principal(principal).source & self.conditioned):
            meets = touched & self.holding(node, known=known)
        return KindKey(principal, families_of(node), meets)

    def facet_of_kind(self, kind: KindKey) -> FacetKey:
        """The one facet of such a node."""
        marks = self.of_principal(kind.principal)
        return FacetKey(kind.families, marks.destination, marks.source & self._unconditional | kind.meets)

    def facets(self, node: PolicyNode, *, known: bool = True) -> Facets:
        """All facets of any node."""
        marks = self._of_node(node)
        holding = self.holding(node, known=known)
        own: dict[tuple[int, int], int] = {}
        for address in node.addresses:
            found = self.prefixes.marks_of(address) if self.prefixes else NOTHING
            key = (marks.destination | found.destination, (marks.source | found.source) & holding)
            own[key] = own.get(key, 0) | _FAMILY[address.version]
        facets = tuple(FacetKey(families, *key) for key, families in own.items())
        if not node.routes:
            return Facets(facets)
        routes = tuple((route, self._route_facets(route)) for route in node.routes if not is_default_route(route))
        return Facets(facets, routes, self._exits(node))

    def own_facet(self, node: PolicyNode, address: Address, *, known: bool = True) -> FacetKey:
        """The facet of one of the node's own addresses, for that address alone."""
        marks = self._of_node(node).joined(self.prefixes.marks_of(address))
        return FacetKey(_FAMILY[address.version], marks.destination, marks.source & self.holding(node, known=known))

    def _of_node(self, node: PolicyNode) -> Marks:
        """The terms that match a node by owner, tags or by naming it, conditions aside."""
        marks = self.of_principal(principal_of(node))
        destination = self._destinations.nodes.get(node.id, 0)
        source = self._sources.nodes.get(node.id, 0)
        return marks.joined(Marks(destination, source)) if destination or source else marks

    def _route_facets(self, route: Prefix) -> tuple[FacetKey, ...]:
        """The facets of a subnet behind a router. Nobody knows anything of the hosts there: conditions are unknown."""
        return tuple(
            FacetKey(
                _FAMILY[route.version],
                self._destinations.anything | marks.destination,
                (self._sources.anything | marks.source) & self._unknown,
            )
            for marks in self.prefixes.pieces_of(route)
        )

    def _exits(self, node: PolicyNode) -> tuple[FacetKey, ...]:
        families = 0
        for route in node.routes:
            if is_default_route(route):
                families |= _FAMILY[route.version]
        return (FacetKey(families, self._destinations.fixed[SelectorKind.INTERNET], 0),) if families else ()

    def stranger_facet(self, address: Address, *, routed: bool, internet: bool) -> FacetKey:
        """The facet of an address that no node has: one behind a router, one on the internet, or one nowhere at all."""
        destination, source = self.prefixes.marks_of(address)
        if routed:
            destination |= self._destinations.anything
            source |= self._sources.anything
        elif internet:
            destination = self._destinations.fixed[SelectorKind.INTERNET]
        return FacetKey(_FAMILY[address.version], destination, source & self._unknown)

    def meets(self, term: SourceTerm, node: PolicyNode, *, known: bool = True) -> bool:
        """Whether the conditions of ``term`` hold for ``node``."""
        return holds(assess_conditions(term.conditions, node if known else _STRANGER), accept=not term.denies)
