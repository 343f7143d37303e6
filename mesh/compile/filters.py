"""The packet filter of one node: what concerns it as a destination, in order, in the wire shape of the protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, NamedTuple

from mesh.compile.internet import collapsed
from mesh.compile.rows import Line
from mesh.compile.terms import RuleTerms, SourceTerm
from mesh.policy.facts import Address, Prefix
from mesh.policy.selectors import SelectorKind
from mesh.policy.services import ANY_PORT, PortRange, merge_ports

OWN_ADDRESSES = "self"


class Target(NamedTuple):
    """A node as a destination: what a filter has to be written for."""

    addresses: tuple[Address, ...]
    own: tuple[int, ...]
    """For each address, the destination terms that match it."""
    routes: tuple[Prefix, ...]
    exit_families: tuple[int, ...]
    user: int | None
    """The owner of an untagged node."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A filter rule while it is being put together."""

    action: str
    protocols: tuple[int, ...]
    sources: tuple[str, ...]
    destinations: tuple[tuple[str, tuple[PortRange, ...]], ...]

    def wire(self) -> dict[str, Any]:
        """The entry as the agent protocol has it."""
        return {
            "action": self.action,
            "protocols": list(self.protocols),
            "sources": list(self.sources),
            "destinations": [
                {"prefix": prefix, "ports": [[item.first, item.last] for item in ports or (ANY_PORT,)]}
                for prefix, ports in self.destinations
            ],
        }


KnownEntries = dict[tuple[int, tuple[str, ...]], tuple[RuleTerms, Entry]]
_KNOWN_LIMIT = 20_000


class Filters:
    """Writes entries; what it must know of the network comes in as functions, so that nothing is computed in vain."""

    __slots__ = ("_internet", "_known", "_name", "_own_sources", "_ranges")

    def __init__(
        self,
        *,
        ranges: tuple[Prefix, ...],
        internet: Callable[[int], tuple[Prefix, ...]],
        name: Callable[[SourceTerm], str],
        own_sources: Callable[[Line, int], tuple[SourceTerm, ...]],
        known: KnownEntries,
    ) -> None:
        self._ranges = ranges
        self._internet = internet
        self._name = name
        self._own_sources = own_sources
        self._known = known

    def write(self, lines: Iterable[Line], target: Target) -> tuple[Entry, ...]:
        """The entries that ``lines`` (ascending by position) make for ``target``, neighbours merged.

        Denials at the end are left out: what no entry matches is denied anyhow.
        """
        entries: list[Entry] = []
        for line in lines:
            for entry in self._entries(line, target):
                if not entries or (merged := _merge(entries[-1], entry)) is None:
                    entries.append(entry)
                else:
                    entries[-1] = merged
        while entries and entries[-1].action == "deny":
            entries.pop()
        return tuple(entries)

    def _entries(self, line: Line, target: Target) -> Iterable[Entry]:
        destinations = self._destinations(line, target)
        if destinations and line.said.sources:
            yield self._known_entry(line, destinations)
        if line.own_devices and target.user is not None and OWN_ADDRESSES not in destinations:
            own = self._own_sources(line, target.user)
            if own:
                yield _entry(line, self._sources(own), (OWN_ADDRESSES,))

    def _known_entry(self, line: Line, destinations: tuple[str, ...]) -> Entry:
        """The entry of a line as most nodes have it, put together once for all of them."""
        key = (id(line.said), destinations)
        found = self._known.get(key)
        if found is None or found[0] is not line.said:
            if len(self._known) >= _KNOWN_LIMIT:
                self._known.clear()
            # What is said is held, so that its id is nobody else's meanwhile.
            found = (line.said, _entry(line, self._sources(line.said.sources), destinations))
            self._known[key] = found
        return found[1]

    def _sources(self, terms: Iterable[SourceTerm]) -> tuple[str, ...]:
        return tuple(sorted(dict.fromkeys(map(self._source, terms))))

    def _source(self, term: SourceTerm) -> str:
        if not term.conditions:
            if term.selector.kind is SelectorKind.ANY:
                return "*"
            if term.selector.prefix is not None:
                return str(term.selector.prefix)
        return f"set:{self._name(term)}"

    def _destinations(self, line: Line, target: Target) -> tuple[str, ...]:
        plain = not target.routes and not target.exit_families
        if plain and target.own and all(terms & line.destinations for terms in target.own):
            return (OWN_ADDRESSES,)
        found: list[str] = []
        prefixes = [item.prefix for item in line.said.destinations if item.prefix is not None]
        covered = [
            address for address, terms in zip(target.addresses, target.own, strict=True) if terms & line.destinations
        ]
        if covered and len(covered) == len(target.addresses):
            found.append(OWN_ADDRESSES)
        elif covered:
            found.extend(map(str, collapsed(self._narrow(address, prefixes) for address in covered)))
        kinds = {item.kind for item in line.said.destinations}
        if target.routes:
            reached: Iterable[Prefix] = target.routes
            if SelectorKind.ANY not in kinds:
                reached = (
                    common
                    for route in target.routes
                    for item in prefixes
                    if (common := overlap(route, item)) is not None
                )
            found.extend(map(str, collapsed(reached)))
        if SelectorKind.INTERNET in kinds:
            found.extend(str(item) for family in target.exit_families for item in self._internet(family))
        return tuple(dict.fromkeys(found))

    def _narrow(self, address: Address, prefixes: Sequence[Prefix]) -> Prefix:
        """The widest of ``prefixes`` that holds ``address``, within the mesh: so that neighbours get equal filters."""
        holding = min((item for item in prefixes if address in item), key=lambda item: item.prefixlen)
        for mesh in self._ranges:
            if address in mesh:
                common = overlap(holding, mesh)
                assert common is not None
                return common
        return single(address)


def single(address: Address) -> Prefix:
    """The prefix of one address."""
    return ip_network(address)


def overlap(one: Prefix, other: Prefix) -> Prefix | None:
    """What two prefixes have in common: the longer of them, or nothing."""
    if one.version != other.version:
        return None
    if one.prefixlen < other.prefixlen:
        one, other = other, one
    return one if one.network_address in other else None


def _entry(line: Line, sources: tuple[str, ...], destinations: tuple[str, ...]) -> Entry:
    protocols = tuple(number for number, _ in line.rule.services())
    return Entry(
        str(line.rule.action), protocols, sources, tuple((item, merge_ports(line.rule.ports)) for item in destinations)
    )


def _merge(one: Entry, other: Entry) -> Entry | None:
    """Two neighbours as one entry, where they differ in sources alone or in destinations alone."""
    if one.action != other.action or one.protocols != other.protocols:
        return None
    if one.destinations == other.destinations:
        sources = tuple(sorted({*one.sources, *other.sources}))
        return Entry(one.action, one.protocols, sources, one.destinations)
    if one.sources != other.sources:
        return None
    ports: dict[str, tuple[PortRange, ...]] = dict(one.destinations)
    for prefix, ranges in other.destinations:
        known = ports.get(prefix)
        if known is None:
            ports[prefix] = ranges
        else:
            ports[prefix] = merge_ports((*known, *ranges)) if known and ranges else ()
    return Entry(one.action, one.protocols, one.sources, tuple(ports.items()))
