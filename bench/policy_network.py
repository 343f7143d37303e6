"""The network that the policy figures are measured on: as many nodes, users, groups and tags as budgets name."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

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
)
from mesh.policy import selectors as s

AT = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
IPV4_RANGE = IPv4Network("10.0.0.0/12")
IPV6_RANGE = IPv6Network("fd5e:77a1:20b3::/48")
PORTS = (22, 53, 80, 443, 3306, 5432, 6379, 8080, 8443, 9090, 9100, 11211)


def build_network(nodes: int = 50_000, users: int = 10_000, tags: int = 60, seed: int = 1) -> NetworkFacts:
    """Four nodes in five belong to people, every fifth carries one or two tags; one in 500 routes a subnet."""
    chance = random.Random(seed)
    found = []
    ipv4, ipv6 = int(IPV4_RANGE.network_address) + 10, int(IPV6_RANGE.network_address) + 10
    for ident in range(1, nodes + 1):
        tagged = chance.random() < 0.2
        routes = (ip_network(f"172.20.{ident // 500 % 256}.0/24"),) if tagged and ident % 100 == 0 else ()
        carried = frozenset(f"tag:t{chance.randrange(tags)}" for _ in range(chance.choice((1, 1, 1, 2))))
        found.append(
            PolicyNode(
                ident,
                f"node-{ident}",
                None if tagged else chance.randrange(1, users + 1),
                carried if tagged else frozenset(),
                (IPv4Address(ipv4 + ident), IPv6Address(ipv6 + ident)),
                routes,
                chance.choice(("linux", "macos", "windows")),
                chance.choice(("1.4.0", "1.5.2", "1.6.0")),
            )
        )
    people = tuple(PolicyUser(ident, f"user{ident}@example.com") for ident in range(1, users + 1))
    return NetworkFacts("bench.ghost", IPV4_RANGE, IPV6_RANGE, tuple(found), people)


def build_policy(
    rules: int,
    *,
    denied: float = 0.1,
    users: int = 10_000,
    groups: int = 40,
    tags: int = 60,
    conditioned: float = 0.0,
    seed: int = 2,
) -> Policy:
    """``rules`` rules in no particular order but for the first, which lets people reach their own devices."""
    chance = random.Random(seed)
    teams = [
        Group(f"g{number}", frozenset(chance.sample(range(1, users + 1), users // chance.choice((20, 40, 80, 160)))))
        for number in range(groups)
    ]
    hosts = tuple(Host(f"h{number}", ip_network(f"172.20.{number}.0/24")) for number in range(20))

    def source() -> s.Selector:
        return chance.choices(
            (
                s.group(f"g{chance.randrange(groups)}"),
                s.tag(f"tag:t{chance.randrange(tags)}"),
                s.user(chance.randrange(1, users + 1)),
                s.prefix(ip_network((int(IPV4_RANGE.network_address) + chance.randrange(4096) * 256, 24))),
            ),
            (60, 30, 9, 1),
        )[0]

    def destination() -> s.Selector:
        return chance.choices(
            (
                s.tag(f"tag:t{chance.randrange(tags)}"),
                s.group(f"g{chance.randrange(groups)}"),
                s.host(f"h{chance.randrange(20)}"),
                s.node(chance.randrange(1, 50_001)),
            ),
            (80, 12, 5, 3),
        )[0]

    def ports() -> tuple[PortRange, ...]:
        return tuple(PortRange(port, port) for port in sorted(chance.sample(PORTS, chance.choice((0, 1, 1, 2, 3)))))

    found = [Rule(1, 1, Action.ACCEPT, (s.MEMBER,), (s.SELF,), name="own devices")]
    for position in range(2, rules + 1):
        conditions = (Condition(ConditionKind.OS_IN, ("linux",)),) if chance.random() < conditioned else ()
        found.append(
            Rule(
                position,
                position,
                Action.DENY if chance.random() < denied else Action.ACCEPT,
                tuple(dict.fromkeys(source() for _ in range(chance.choice((1, 1, 2, 3))))),
                tuple(dict.fromkeys(destination() for _ in range(chance.choice((1, 1, 2))))),
                (),
                ports(),
                None,
                conditions,
            )
        )
    return Policy(tuple(found), tuple(teams), hosts)
