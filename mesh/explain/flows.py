"""What pairs of nodes may do, summed up: what every pair that may do anything may do, and how many may do more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    do anything at all by a schedule alone. ``later`` more pairs may do nothing now, but each of them ``opens`` (empty
    where they have nothing in common) at other times; ``growing`` of ``pairs`` may do more at other times.
    """

    pairs: int = 0
    services: Services = ()
    wider: int = 0
    at_times: bool = False
    passing: int = 0
    later: int = 0
    opens: Services = ()
    growing: int = 0


NO_FLOW: Final = Flow()


def flow_of(tally: Mapping[Access, int] | None) -> Flow:
    """The flow that a tally of accesses amounts to."""
    if not tally:
        return NO_FLOW
    now = {access: pairs for access, pairs in tally.items() if access.now}
    later = {access: pairs for access, pairs in tally.items() if not access.now}
    common, lasting = _common(access.now for access in now), _common(access.lasting for access in now)
    return Flow(
        pairs=sum(now.values()),
        services=common,
        wider=sum(pairs for access, pairs in now.items() if access.now != common),
        at_times=common_services(common, lasting) != common,
        passing=sum(pairs for access, pairs in now.items() if not access.lasting),
        later=sum(later.values()),
        opens=_common(access.ever for access in later),
        growing=sum(pairs for access, pairs in now.items() if access.ever != access.now),
    )


def _common(services: Iterable[Services]) -> Services:
    every = tuple(services)
    return reduce(common_services, every) if every else ()


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
