"""Which routes of a router its viewers are told of: those that their class reaches."""

from __future__ import annotations

from mesh.compile import CompiledPolicy
from mesh.topology import NodeRecord


def reached_by(policy: CompiledPolicy, node: NodeRecord, row: int) -> tuple[list[str], bool]:
    """The routes of a router that stand in its ``allowed_ips``, and whether it is an exit node, for those who see the
    classes of ``row``. Only routes that it is primary for: WireGuard gives a prefix to whichever peer came last."""
    shape = policy.shape(node.id)
    primary = {route.prefix for route in node.routes if route.primary}
    routes = [
        text
        for prefix, numbers in shape.routes
        if any(row >> number & 1 for number in numbers) and (text := str(prefix)) in primary
    ]
    return sorted(routes), any(row >> number & 1 for number in shape.exits)
