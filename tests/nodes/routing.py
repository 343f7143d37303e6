"""Nodes that offer routes, and what became of them."""

from __future__ import annotations

from typing import Any

from mesh.change import Cause
from nodes.models import Change, Network, Node, Route
from nodes.services.routes import (
    replace_routes,
    set_route_approval,
)
from tests.factories import NodeFactory
from tests.fixtures import START

ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}
LAN = "192.168.7.0/24"


def offer(node: Node, *prefixes: str) -> list[str]:
    return replace_routes(node_id=node.pk, prefixes=prefixes, **ACT)


def approve(node: Node, *prefixes: str, approved: bool = True) -> None:
    set_route_approval(node_id=node.pk, prefixes=prefixes, approved=approved, **ACT)


def primary_of(network: Network, prefix: str = LAN) -> list[int]:
    return list(Route.objects.filter(network=network, prefix=prefix, primary=True).values_list("node_id", flat=True))


def router(network: Network, *prefixes: str, **facts: Any) -> Node:
    """A node with approved routes."""
    node: Node = NodeFactory(network=network, **facts)
    offer(node, *prefixes)
    approve(node, *prefixes)
    return node


def changed_nodes() -> set[int]:
    return {fact["id"] for fact in Change.objects.latest("version").facts["nodes"]}
