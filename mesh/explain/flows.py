"""What pairs of nodes may do, summed up: what every pair that may do anything may do, and how many may do more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Final

from mesh.explain.accesses import Access
from mesh.explain.openings import Services
from mesh.policy.services import ANY_PORT, PortRange, merge_ports


@dataclass(frozen=True, slots=True)
class Flow:
    """One way between two sets of nodes: ``pairs`` ordered pairs have an accepted flow.

    Each of them may use ``services`` (which are empty where they have nothing in common), and ``wider`` of them may use
    more. ``at_times``: some of ``services`` is open to some of these pairs by a schedule alone; ``passing`` pairs may
    do anything at all by a schedule alone.
    """

    pairs: int = 0
    services: Services = ()
    wider: int = 0
    at_times: bool = False
    passing: int = 0


NO_FLOW: Final = Flow()


def flow_of(tally: Mapping[Access, int] | None) -> Flow:
    """The flow that a tally of accesses amounts to."""
    if not tally:
        return NO_FLOW
    common = reduce(common_services, (access.now for access in tally))
    lasting = reduce(common_services, (access.lasting for access in tally))
    return Flow(
        pairs=sum(tally.values()),
        services=common,
        wider=sum(pairs for access, pairs in tally.items() if access.now != common),
        at_times=common_services(common, lasting) != common,
        passing=sum(pairs for access, pairs in tally.items() if not access.lasting),
    )


def common_services(one: Services, other: Services) -> Services:
    """What both allow."""
    if one == other:
        return one
    theirs = dict(other)
    found = []
    for protocol, ranges in one:
        common = [
            PortRange(max(mine.first, its.first), min(mine.last, its.last))
            for mine in ranges
            for its in theirs.get(protocol, ())
            if mine.first <= its.last and its.first <= mine.last
        ]
        if common:
            found.append((protocol, merge_ports(common) or (ANY_PORT,)))
    return tuple(found)
