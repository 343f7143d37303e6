"""Protocols and ports in few words, and how much that is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mesh.explain.flows import Flow
from mesh.explain.openings import Services
from mesh.policy import PortRange, format_ports, format_protocol
from mesh.policy.services import ANY_PORT, DEFAULT_PROTOCOLS, ICMP, IPV6_ICMP, PORT_PROTOCOLS, TCP, UDP

NOTHING, ONE, FEW, MANY, MOST, ALL = range(6)
"""How much is open: nothing, one port, a few (up to ``FEW_PORTS``), more, every port of a protocol, everything."""

FEW_PORTS: Final = 16
_PING: Final = frozenset({ICMP, IPV6_ICMP})


def brief(services: Services) -> str:
    """The first port, and how many more entries there are: ``tcp/22``, ``22 +2`` (TCP and UDP), ``ping``, ``all``.

    Where ports are named ping is left out: it comes with them. Empty for nothing.
    """
    if is_everything(services):
        return "all"
    words = entries(services)
    return f"{words[0]} +{len(words) - 1}" if len(words) > 1 else "".join(words)


def entries(services: Services) -> tuple[str, ...]:
    """Every entry: ``22`` for TCP and UDP, ``tcp/80-90``, ``udp``, ``gre``; ``ping`` where there is no port."""
    open_on = dict(services)
    both = [item for item in open_on.get(TCP, ()) if item in open_on.get(UDP, ()) and item != ANY_PORT]
    found = [format_ports((item,)) for item in both]
    for protocol in (TCP, UDP, *sorted(PORT_PROTOCOLS - {TCP, UDP})):
        found.extend(_ported(protocol, (item for item in open_on.get(protocol, ()) if item not in both)))
    found.extend(format_protocol(protocol) for protocol in open_on if protocol not in PORT_PROTOCOLS | _PING)
    if not found and _PING & open_on.keys():
        found.append("ping")
    return tuple(found)


def _ported(protocol: int, ranges: Iterable[PortRange]) -> list[str]:
    name = format_protocol(protocol)
    return [name if item == ANY_PORT else f"{name}/{format_ports((item,))}" for item in ranges]


def is_everything(services: Services) -> bool:
    """Whether all that a rule without protocols and ports accepts is open."""
    open_on = dict(services)
    return all(open_on.get(protocol) == (ANY_PORT,) for protocol in DEFAULT_PROTOCOLS)


def breadth(services: Services) -> int:
    """How much is open, of ``NOTHING`` to ``ALL``."""
    if not services:
        return NOTHING
    if is_everything(services):
        return ALL
    ports = max(
        (sum(item.last - item.first + 1 for item in ranges) for number, ranges in services if number in PORT_PROTOCOLS),
        default=1,
    )
    if ports > ANY_PORT.last:
        return MOST
    return ONE if ports <= 1 else FEW if ports <= FEW_PORTS else MANY


def heat(flow: Flow, possible: int) -> int:
    """The shade of a cell: how much every pair may do that may do anything; less where those are not all pairs."""
    if not flow.pairs:
        return NOTHING
    found = max(breadth(flow.services), ONE)
    return found if flow.pairs == possible else max(ONE, min(found - 1, FEW))
