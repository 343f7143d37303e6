"""Engines of a few nodes and rules."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from mesh.compile import compile_policy
from mesh.policy import (
    Group,
    NetworkFacts,
    Policy,
    PolicyNode,
    Rule,
)
from tests.mesh.compile.rules import numbered
from tests.mesh.policy.strategies import AT


def node(ident: int, user: int | None = None, *tags: str, **more: Any) -> PolicyNode:
    addresses = more.pop("addresses", (ip_address(f"10.1.0.{ident}"), ip_address(f"fd00::{ident:x}")))
    return PolicyNode(ident, f"n{ident}", user, frozenset(tags), addresses, **more)


def engine(rules: list[Rule], *nodes: PolicyNode, groups: tuple[Group, ...] = ()) -> Any:
    facts = NetworkFacts("test.ghost", IPv4Network("10.1.0.0/24"), IPv6Network("fd00::/64"), nodes)
    return compile_policy(Policy(numbered(rules), groups), facts, AT)


A, B, C = node(1, 7), node(2, 8), node(3, None, "tag:c")
