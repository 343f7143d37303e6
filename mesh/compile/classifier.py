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
from mesh.policy.conditions import Condition, assess_conditions, holds
from mesh.policy.facts import Address, PolicyNode, Posture, Prefix, is_default_route
from mesh.policy.selectors import Selector, SelectorKind

IPV4: Final = 1
IPV6: Final = 2
_FAMILY: Final[Mapping[int, int]] = {4: IPV4, 6: IPV6}
_STRANGER: Final = PolicyNode(0, "", None)
"""A source that nobody knows anything of: a host behind a router, or a node whose posture is passed over."""


class FacetKey(NamedTuple):
    """What tells one class from another: families (bits of IPV4, IPV6) and matched terms (bit sets) on either side."""

    families: int
    destination: int
    source: int


class Facets(NamedTuple):
    """The facets of one node: of its own addresses, of each approved subnet route, and the internet's if it has one."""

    own: tuple[FacetKey, ...]
    routes: tuple[tuple[Prefix, tuple[FacetKey, ...]], ...] = ()
    exits: tuple[FacetKey, ...] = ()


class _Side:
    """The terms of one side, by what they look at; each value is the bit set of the terms that say so."""

    __slots__ = ("anything", "groups", "internet", "member", "nodes", "self_", "tagged", "tags", "users")

    def __init__(self, numbered: Mapping[int, Selector]) -> None:
        self.anything = self.member = self.tagged = self.self_ = self.internet = 0
        self.users: dict[int, int] = {}
        self.groups: dict[str, int] = {}
        self.tags: dict[str, int] = {}
        self.nodes: dict[int, int] = {}
        for number, selector in numbered.items():
            self._add(selector, 1 << number)

    def _add(self, selector: Selector, bit: int) -> None:
        match selector.kind:
            case SelectorKind.ANY:
                self.anything |= bit
            case SelectorKind.MEMBER:
                self.member |= bit
            case SelectorKind.TAGGED:
                self.tagged |= bit
            case SelectorKind.SELF:
                self.self_ |= bit
            case SelectorKind.INTERNET:
                self.internet |= bit
            case SelectorKind.USER:
                self.users[selector.ident] = self.users.get(selector.ident, 0) | bit
            case SelectorKind.GROUP:
                self.groups[selector.name] = self.groups.get(selector.name, 0) | bit
            case SelectorKind.TAG:
                self.tags[selector.name] = self.tags.get(selector.name, 0) | bit
            case SelectorKind.NODE:
                self.nodes[selector.ident] = self.nodes.get(selector.ident, 0) | bit
            case SelectorKind.PREFIX:
                pass  # the prefix table holds these
            case SelectorKind.HOST:
                raise AssertionError("named hosts are resolved before they become terms")

    def of_principal(self, user: int | None, tags: frozenset[str], groups: tuple[str, ...]) -> int:
        """The terms that match by owner or tags. A tagged node belongs to its tags, and no longer to its user."""
        if tags:
            mask = self.anything | self.tagged
            for name in tags:
                mask |= self.tags.get(name, 0)
            return mask
        mask = self.anything | self.member
        if user is not None:
            mask |= self.self_ | self.users.get(user, 0)
            for name in groups:
                mask |= self.groups.get(name, 0)
        return mask


class Classifier:
    """Turns nodes into facets for one set of terms and one membership of groups. Remembers what it worked out."""

    __slots__ = (
        "_by_condition",
        "_conditioned",
        "_destinations",
        "_groups",
        "_muted",
        "_principals",
        "_sources",
        "_unconditional",
        "_unknown",
        "address_terms",
        "prefixes",
    )

    def __init__(self, terms: Terms, groups: Mapping[int, tuple[str, ...]], muted: frozenset[int]) -> None:
        self._groups = groups
        self._muted = muted
        self._destinations = _Side({number: selector for selector, number in terms.destinations.items()})
        self._sources = _Side({number: term.selector for term, number in terms.sources.items()})
        self._unconditional = 0
        grouped: dict[tuple[tuple[Condition, ...], bool], int] = {}
        marks: list[tuple[Prefix, Marks]] = []
        for term, number in terms.sources.items():
            if term.conditions:
                key = (term.conditions, term.denies)
                grouped[key] = grouped.get(key, 0) | 1 << number
            else:
                self._unconditional |= 1 << number
            if term.selector.prefix is not None:
                marks.append((term.selector.prefix, Marks(0, 1 << number)))
        for selector, number in terms.destinations.items():
            if selector.prefix is not None:
                marks.append((selector.prefix, Marks(1 << number, 0)))
        self._conditioned = [(conditions, denies, mask) for (conditions, denies), mask in grouped.items()]
        self.prefixes = PrefixTable(marks)
        self.address_terms = tuple(dict.fromkeys(network for network, _ in marks))
        self._principals: dict[frozenset[str] | int | None, Marks] = {}
        self._by_condition: dict[tuple[str, str, Posture | None], int] = {}
        self._unknown = self._holding(_STRANGER)

    @property
    def has_conditions(self) -> bool:
        """Whether any term looks at what nodes report of themselves."""
        return bool(self._conditioned)

    @property
    def named_nodes(self) -> frozenset[int]:
        """The nodes that some term names."""
        return frozenset(self._destinations.nodes) | frozenset(self._sources.nodes)

    def principal(self, node: PolicyNode) -> Marks:
        """The terms that match a node by its owner or its tags, conditions aside."""
        key = node.tags or node.user
        marks = self._principals.get(key)
        if marks is None:
            groups = self._groups.get(node.user, ()) if node.user is not None and not node.tags else ()
            marks = self._principals[key] = Marks(
                self._destinations.of_principal(node.user, node.tags, groups),
                self._sources.of_principal(node.user, node.tags, groups),
            )
        return marks

    def holding(self, node: PolicyNode) -> int:
        """The source terms whose conditions hold for ``node``: all but those that its posture rules out."""
        if not self._conditioned:
            return self._unconditional
        if node.id in self._muted:
            return self._unknown
        key = (node.os, node.agent_version, node.posture)
        mask = self._by_condition.get(key)
        if mask is None:
            mask = self._by_condition[key] = self._holding(node)
        return mask

    def meets(self, term: SourceTerm, node: PolicyNode) -> bool:
        """Whether the conditions of ``term`` hold for ``node``."""
        subject = _STRANGER if node.id in self._muted else node
        return holds(assess_conditions(term.conditions, subject), accept=not term.denies)

    def _holding(self, node: PolicyNode) -> int:
        mask = self._unconditional
        for conditions, denies, terms in self._conditioned:
            if holds(assess_conditions(conditions, node), accept=not denies):
                mask |= terms
        return mask

    def plain(self, node: PolicyNode, families: int) -> FacetKey:
        """The one facet of a node that no term names, whose addresses no address term holds, and without posture."""
        marks = self.principal(node)
        return FacetKey(families, marks.destination, marks.source & self._unconditional)

    def facets(self, node: PolicyNode) -> Facets:
        """All facets of ``node``."""
        marks = self.named(node)
        holding = self.holding(node)
        own: dict[tuple[int, int], int] = {}
        for address in node.addresses:
            found = self.prefixes.marks_of(address) if self.prefixes else NOTHING
            key = (marks.destination | found.destination, (marks.source | found.source) & holding)
            own[key] = own.get(key, 0) | _FAMILY[address.version]
        facets = tuple(FacetKey(families, *key) for key, families in own.items())
        if not node.routes:
            return Facets(facets)
        return Facets(facets, self._routes(node), self._exits(node))

    def named(self, node: PolicyNode) -> Marks:
        """The terms that match a node by owner, tags or by naming it, conditions aside."""
        marks = self.principal(node)
        destination = self._destinations.nodes.get(node.id, 0)
        source = self._sources.nodes.get(node.id, 0)
        return Marks(marks.destination | destination, marks.source | source) if destination or source else marks

    def own_facet(self, node: PolicyNode, address: Address) -> FacetKey:
        """The facet of one of the node's own addresses, for that address alone."""
        marks = self.named(node).joined(self.prefixes.marks_of(address))
        return FacetKey(_FAMILY[address.version], marks.destination, marks.source & self.holding(node))

    def _routes(self, node: PolicyNode) -> tuple[tuple[Prefix, tuple[FacetKey, ...]], ...]:
        return tuple((route, self.route_facets(route)) for route in node.routes if not is_default_route(route))

    def route_facets(self, route: Prefix) -> tuple[FacetKey, ...]:
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
        return (FacetKey(families, self._destinations.internet, 0),) if families else ()

    def address_facet(self, address: Address, *, routed: bool, internet: bool) -> FacetKey:
        """The facet of an address that no node has: one behind a router, one on the internet, or one nowhere at all."""
        marks = self.prefixes.marks_of(address)
        destination, source = marks
        if routed:
            destination |= self._destinations.anything
            source |= self._sources.anything
        elif internet:
            destination = self._destinations.internet
        return FacetKey(_FAMILY[address.version], destination, source & self._unknown)
