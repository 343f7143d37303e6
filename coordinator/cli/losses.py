"""What is cut when a node leaves the mesh, in lines for a confirmation."""

from __future__ import annotations

from coordinator.cli.text import listed
from nodes.models import Node, Route
from sessions_app.models import NodeSession


def losses_of(node: Node) -> list[str]:
    """The worst first: networks that nobody else routes to, then the node itself."""
    served = list(
        Route.objects.filter(node=node, primary=True).order_by("first", "prefix").values_list("prefix", flat=True)
    )
    others = Route.objects.filter(
        network_id=node.network_id,
        prefix__in=served,
        advertised=True,
        approved=True,
        node__state=Node.State.ACTIVE,
        node__login_required=False,
    ).exclude(node=node)
    elsewhere = set(others.values_list("prefix", flat=True))
    alone = [prefix for prefix in served if prefix not in elsewhere]
    shared = [prefix for prefix in served if prefix in elsewhere]
    lines = []
    if alone:
        lines.append(f"It is the only router of {listed(alone)}: nobody reaches that any more.")
    if shared:
        lines.append(f"{listed(shared)} will go through another router.")
    if NodeSession.objects.filter(node=node, ended_at=None).exists():
        lines.append("Its session ends, and all peers drop it within 2 seconds.")
    else:
        lines.append("It has no session; peers that still know it drop it.")
    return lines
