"""From a map's packet filter to one nftables table, as text. Pure: ``agent.nft`` brings it to the kernel.

The table decides about what comes in through the mesh interface, for this machine (input) and through it (forward):
the first rule that matches, else drop. Only replies to what this machine opened pass unseen, so that a withdrawn rule
cuts a running connection (agent protocol, "Network map"). It is replaced whole, in one transaction of the kernel.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from agent.netmap import FilterRule, NetworkMap, Peer, Prefix, SetRef

# TCP, UDP, SCTP: the protocols that ports bind; the others ignore them (agent protocol, "Network map").
PORT_PROTOCOLS: Final = frozenset({6, 17, 132})
_MAX_PORT: Final = 65535
_FAMILIES: Final = ((4, "ip", "ipv4"), (6, "ip6", "ipv6"))
# Before the machine's own filter chains (priority 0): what those drop stays dropped, what we drop never reaches them.
_PRIORITY: Final = "filter - 10"


def table_name(interface: str) -> str:
    """The table of an agent; several agents on one machine have several."""
    return f"ghostwire_{interface}"


@dataclass(slots=True)
class _Sets:
    """The named sets of a table: equal contents share one."""

    names: dict[tuple[Prefix, ...], str] = field(default_factory=dict)

    def name(self, prefixes: tuple[Prefix, ...]) -> str:
        return self.names.setdefault(prefixes, f"sources{len(self.names) + 1}")


def render_closed(interface: str) -> str:
    """The table of an agent that has no map: nothing comes in through the mesh."""
    return _render(interface, _Sets(), [], ())


def render_table(interface: str, netmap: NetworkMap, peers: Iterable[Peer]) -> str:
    """The table for a map. ``peers`` are those still in force (an expired key drops a peer before the next map)."""
    sets = _Sets()
    known = tuple(peers)
    resolved: dict[str, tuple[Prefix, ...]] = {}
    lines: list[str] = []
    for rule in netmap.packet_filter:
        sources = _sources(rule, netmap, known, resolved)
        lines += _rule_lines(rule, sources, netmap.node.addresses, sets)
    return _render(interface, sets, lines, netmap.node.addresses)


def render_removal(interface: str) -> str:
    """Takes the table away, whether or not it is there."""
    name = table_name(interface)
    return f"table inet {name}\ndelete table inet {name}\n"


def _sources(
    rule: FilterRule, netmap: NetworkMap, peers: tuple[Peer, ...], resolved: dict[str, tuple[Prefix, ...]]
) -> list[Prefix]:
    """The prefixes a rule speaks of: those it spells, and the addresses of the peers that its sets name."""
    found: list[Prefix] = []
    for source in rule.sources:
        if not isinstance(source, SetRef):
            found.append(source)
            continue
        if source.name not in resolved:
            named = netmap.sets[source.name]
            members = (address for peer in peers if named.names(peer) for address in peer.addresses)
            resolved[source.name] = (*named.prefixes, *members)
        found.extend(resolved[source.name])
    return found


def _rule_lines(rule: FilterRule, sources: list[Prefix], own: tuple[Prefix, ...], sets: _Sets) -> Iterator[str]:
    verdict = "accept" if rule.accept else "drop"
    for version, family, protocol_name in _FAMILIES:
        from_here = _collapsed(sources, version)
        if not from_here:
            continue
        whole = from_here[0].prefixlen == 0
        origin = f"meta nfproto {protocol_name}" if whole else f"{family} saddr @{sets.name(from_here)}"
        for destination in rule.destinations:
            targets = _collapsed(own if destination.prefix is None else (destination.prefix,), version)
            if not targets:
                continue
            towards = "" if targets[0].prefixlen == 0 else f" {family} daddr {_braces(map(_spell, targets))}"
            for match in _protocol_matches(rule.protocols, destination.ports):
                yield f"{origin}{towards} {match} {verdict}"


def _protocol_matches(protocols: tuple[int, ...], ports: tuple[tuple[int, int], ...]) -> Iterator[str]:
    with_ports = [number for number in protocols if number in PORT_PROTOCOLS]
    free = [number for number in protocols if number not in PORT_PROTOCOLS]
    if with_ports and any(first == 0 and last == _MAX_PORT for first, last in ports):
        free, with_ports = sorted(free + with_ports), []
    if free:
        yield f"meta l4proto {_braces(map(str, free))}"
    if with_ports and ports:
        spelled = _braces(f"{first}-{last}" if first < last else str(first) for first, last in _merged(ports))
        yield f"meta l4proto {_braces(map(str, with_ports))} th dport {spelled}"


def _merged(ports: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    """The same ports without overlaps, which nftables refuses inside one set."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ports):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _collapsed(prefixes: Iterable[Prefix], version: int) -> tuple[Prefix, ...]:
    """The prefixes of one family, sorted and without overlaps."""
    family = (prefix for prefix in prefixes if prefix.version == version)
    return tuple(ipaddress.collapse_addresses(family))  # type: ignore[type-var]


def _spell(prefix: Prefix) -> str:
    return str(prefix.network_address) if prefix.prefixlen == prefix.max_prefixlen else str(prefix)


def _braces(items: Iterable[str]) -> str:
    return "{ " + ", ".join(items) + " }"


def _render(interface: str, sets: _Sets, rules: list[str], own: tuple[Prefix, ...]) -> str:
    name = table_name(interface)
    lines = [f"table inet {name}", f"delete table inet {name}", f"table inet {name} {{"]
    for prefixes, set_name in sets.names.items():
        kind = "ipv4_addr" if prefixes[0].version == 4 else "ipv6_addr"
        elements = _braces(map(_spell, prefixes))
        lines += [f"\tset {set_name} {{ type {kind}; flags interval; elements = {elements} }}"]
    lines += ["\tchain rules {", *(f"\t\t{rule}" for rule in rules), "\t\tdrop", "\t}"]
    for hook in ("input", "forward"):
        lines += [f"\tchain {hook} {{", f"\t\ttype filter hook {hook} priority {_PRIORITY}; policy accept;"]
        if hook == "input":
            lines += [f"\t\t{line}" for line in _spoof_guard(interface, own)]
        lines += [
            f'\t\tiifname "{interface}" ct direction reply ct state established,related accept',
            f'\t\tiifname "{interface}" jump rules',
            "\t}",
        ]
    lines += ["}", ""]
    return "\n".join(lines)


def _spoof_guard(interface: str, own: tuple[Prefix, ...]) -> Iterator[str]:
    """A mesh address is reached through the mesh or from this machine, never from its other networks.

    Linux answers for any of its addresses on any interface: without this, a neighbour on the local network would
    reach what listens on the mesh address alone, past the filter.
    """
    for version, family, _ in _FAMILIES:
        addresses = [str(prefix.network_address) for prefix in own if prefix.version == version]
        if addresses:
            yield f'iifname != {{ "{interface}", "lo" }} {family} daddr {_braces(addresses)} drop'
