"""A small network, and what is compiled for its nodes."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from mesh.compile import CompiledPolicy, compile_policy
from mesh.policy import (
    Condition,
    ConditionKind,
    Group,
    Host,
    NetworkFacts,
    Policy,
    PolicyNode,
    PolicyUser,
    Rule,
)
from mesh.policy import selectors as s
from tests.mesh.compile.rules import numbered
from tests.mesh.policy.strategies import AT

LINUX = (Condition(ConditionKind.OS_IN, ("linux",)),)
RANGES = IPv4Network("10.1.0.0/24"), IPv6Network("fd00::/64")
DB = PolicyNode(1, "db", None, frozenset({"tag:db"}), (ip_address("10.1.0.1"), ip_address("fd00::1")))
DB2 = PolicyNode(2, "db2", None, frozenset({"tag:db"}), (ip_address("10.1.0.2"), ip_address("fd00::2")))
ANA = PolicyNode(3, "ana", 7, frozenset(), (ip_address("10.1.0.3"), ip_address("fd00::3")), os="linux")
BOB = PolicyNode(4, "bob", 8, frozenset(), (ip_address("10.1.0.4"), ip_address("fd00::4")))
GATE = PolicyNode(
    5,
    "gate",
    None,
    frozenset({"tag:gate"}),
    (ip_address("10.1.0.5"),),
    (ip_network("10.9.0.0/24"), ip_network("0.0.0.0/0")),
)
NOBODYS = PolicyNode(6, "nobodys", None, frozenset(), (ip_address("10.1.0.6"),))
FACTS = NetworkFacts(
    "test.ghost", *RANGES, (DB, DB2, ANA, BOB, GATE, NOBODYS), (PolicyUser(7, "a"), PolicyUser(9, "c"))
)
GROUPS = (Group("ops", frozenset({7, 8})),)
HOSTS = (Host("lan", ip_network("10.9.0.128/25")),)
TO_DB = (s.tag("tag:db"),)


def compiled(*rules: Rule, facts: NetworkFacts = FACTS) -> CompiledPolicy:
    return compile_policy(Policy(numbered(rules), GROUPS, HOSTS), facts, AT)


def sets_of(engine: CompiledPolicy, node: PolicyNode) -> dict[str, Any]:
    return {name: engine.set_of(name) for name in engine.filter_of(node.id)[1]}


def only_set(*rules: Rule, node: PolicyNode = DB) -> dict[str, Any]:
    (found,) = sets_of(compiled(*rules), node).values()
    assert isinstance(found, dict)
    return found


def wire_set(**members: Any) -> dict[str, Any]:
    return {"users": [], "tags": [], "ids": [], "prefixes": []} | members
