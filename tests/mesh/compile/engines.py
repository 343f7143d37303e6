"""Engines of a few nodes and rules."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from mesh.compile import compile_policy
from mesh.policy import (
    Action,
    Group,
    NetworkFacts,
    Policy,
    PolicyNode,
    PortRange,
    Rule,
)
from tests.mesh.policy.strategies import AT

SSH, WEB = (PortRange(22, 22),), (PortRange(80, 80),)


def node(ident: int, user: int | None = None, *tags: str, **more: Any) -> PolicyNode:
    addresses = more.pop("addresses", (ip_address(f"10.1.0.{ident}"), ip_address(f"fd00::{ident:x}")))
    return PolicyNode(ident, f"n{ident}", user, frozenset(tags), addresses, **more)


def engine(rules: list[Rule], *nodes: PolicyNode, groups: tuple[Group, ...] = ()) -> Any:
    numbered = tuple(replace(rule, id=place, position=place) for place, rule in enumerate(rules, start=1))
    facts = NetworkFacts("test.ghost", IPv4Network("10.1.0.0/24"), IPv6Network("fd00::/64"), nodes)
    return compile_policy(Policy(numbered, groups), facts, AT)


def accept(source: Any, destination: Any, ports: Any = (), **more: Any) -> Rule:
    return Rule(0, 0, Action.ACCEPT, (source,), (destination,), more.pop("protocols", ()), ports, **more)


def deny(*arguments: Any, **more: Any) -> Rule:
    return replace(accept(*arguments, **more), action=Action.DENY)


A, B, C = node(1, 7), node(2, 8), node(3, None, "tag:c")
