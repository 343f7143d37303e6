"""Random networks and policies, small and dense, so that rules meet each other often."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from hypothesis import strategies as st

from mesh.policy import (
    Action,
    Condition,
    ConditionKind,
    Group,
    Host,
    NetworkFacts,
    Policy,
    PolicyNode,
    PolicyUser,
    PortRange,
    Rule,
    Schedule,
    merge_ports,
)
from mesh.policy import selectors as s

AT = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
IPV4_RANGE = IPv4Network("10.1.0.0/28")
IPV6_RANGE = IPv6Network("fd00::/124")
USERS = (1, 2, 3)
TAGS = ("tag:a", "tag:b", "tag:c")
GROUPS = ("g1", "g2", "g3")
HOSTS = ("h1", "h2")
ROUTES = tuple(
    map(ip_network, ("10.9.0.0/30", "10.9.0.0/31", "10.9.0.4/30", "fd09::/127", "fd09::2/127", "0.0.0.0/0", "::/0"))
)
PREFIXES = tuple(
    map(
        ip_network,
        (
            "10.1.0.0/28",
            "10.1.0.2/31",
            "10.1.0.1/32",
            "10.1.0.4/30",
            "10.0.0.0/8",
            "10.9.0.0/31",
            "10.9.0.1/32",
            "10.9.0.0/24",
            "0.0.0.0/0",
            "fd00::/124",
            "fd00::2/127",
            "fd00::1/128",
            "fd09::1/128",
            "fd09::/64",
            "::/0",
        ),
    )
)
CONDITIONS = (
    Condition(ConditionKind.OS_IN, ("linux",)),
    Condition(ConditionKind.VERSION_AT_LEAST, ("1.5",)),
    Condition(ConditionKind.ATTRIBUTE_EQUALS, (True,), "disk"),
    Condition(ConditionKind.ATTRIBUTE_EXISTS, (), "disk"),
)
SCHEDULES = (
    None,
    None,
    None,
    Schedule(expires_at=AT),
    Schedule(not_before=AT),
    Schedule(frozenset({2}), 11 * 60, 13 * 60, "UTC"),
    Schedule(frozenset({3}), 11 * 60, 13 * 60, "UTC"),
    Schedule(frozenset(), 11 * 60, 13 * 60, "No/Where"),
)


@st.composite
def nodes(draw: st.DrawFn, ident: int) -> PolicyNode:
    owner = draw(st.sampled_from(("user", "user", "user", "tags", "tags", "nobody")))
    families = draw(st.sampled_from(("46", "46", "46", "4", "6")))
    addresses = []
    if "4" in families:
        addresses.append(ip_address(f"10.1.0.{ident}"))
    if "6" in families:
        addresses.append(ip_address(f"fd00::{ident}"))
    posture = draw(st.sampled_from((None, None, (), (("disk", True),), (("disk", False),), (("disk", 1),))))
    return PolicyNode(
        ident,
        f"n{ident}",
        draw(st.sampled_from(USERS)) if owner == "user" else None,
        draw(st.frozensets(st.sampled_from(TAGS), min_size=1, max_size=2)) if owner == "tags" else frozenset(),
        tuple(addresses),
        tuple(draw(st.lists(st.sampled_from(ROUTES), unique=True, max_size=2))) if draw(st.booleans()) else (),
        draw(st.sampled_from(("", "linux", "windows"))),
        draw(st.sampled_from(("", "1.4", "1.5.0", "2"))),
        posture,
    )


@st.composite
def networks(draw: st.DrawFn, max_nodes: int = 5) -> NetworkFacts:
    count = draw(st.integers(1, max_nodes))
    return NetworkFacts(
        "test.ghost",
        IPV4_RANGE,
        IPV6_RANGE,
        tuple(draw(nodes(ident)) for ident in range(1, count + 1)),
        tuple(PolicyUser(user, f"u{user}@example.com") for user in USERS),
    )


COMMON = st.one_of(
    st.just(s.ANY),
    st.just(s.MEMBER),
    st.just(s.TAGGED),
    st.sampled_from(USERS).map(s.user),
    st.sampled_from(GROUPS).map(s.group),
    st.sampled_from(TAGS).map(s.tag),
    st.integers(1, 5).map(s.node),
    st.sampled_from(HOSTS).map(s.host),
    st.sampled_from(PREFIXES).map(s.prefix),
)
PEOPLE = st.one_of(
    st.just(s.ANY),
    st.just(s.MEMBER),
    st.sampled_from(USERS).map(s.user),
    st.sampled_from(GROUPS).map(s.group),
    st.integers(1, 5).map(s.node),
)
PORTS = st.lists(st.sampled_from((22, 80, 81, 443, 0, 65535)), max_size=3).flatmap(
    lambda firsts: st.lists(st.integers(0, 2), min_size=len(firsts), max_size=len(firsts)).map(
        lambda sizes: merge_ports(
            PortRange(first, min(first + size, 65535)) for first, size in zip(firsts, sizes, strict=True)
        )
    )
)


@st.composite
def rules(draw: st.DrawFn, position: int) -> Rule:
    own = draw(st.integers(0, 3)) == 0
    destinations = draw(
        st.lists(st.one_of(COMMON, st.just(s.INTERNET)), unique=True, min_size=0 if own else 1, max_size=2)
    )
    if own:
        destinations.append(s.SELF)
    protocols = draw(st.sampled_from(((), (), (), (6,), (17,), (1,), (6, 17), (1, 6), (47,), (132,))))
    ports = draw(PORTS) if not protocols or set(protocols) & {6, 17, 132} else ()
    return Rule(
        position,
        position,
        draw(st.sampled_from((Action.ACCEPT, Action.ACCEPT, Action.DENY))),
        tuple(draw(st.lists(PEOPLE if own else COMMON, unique=True, min_size=1, max_size=2))),
        tuple(destinations),
        protocols,
        ports,
        draw(st.sampled_from(SCHEDULES)),
        tuple(draw(st.lists(st.sampled_from(CONDITIONS), unique=True, max_size=2))) if draw(st.booleans()) else (),
        draw(st.integers(0, 9)) != 0,
    )


@st.composite
def policies(draw: st.DrawFn, max_rules: int = 6) -> Policy:
    count = draw(st.integers(0, max_rules))
    user_sets = st.frozensets(st.sampled_from(USERS), max_size=2)
    return Policy(
        tuple(draw(rules(position)) for position in range(1, count + 1)),
        (
            Group("g1", draw(user_sets)),
            Group("g2", draw(user_sets), frozenset({"g1"})),
            Group("g3", draw(user_sets), draw(st.sampled_from((frozenset(), frozenset({"g2", "gone"}))))),
        ),
        (Host("h1", draw(st.sampled_from(PREFIXES))),),
    )
