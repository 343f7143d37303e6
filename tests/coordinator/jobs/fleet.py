"""Many nodes in few statements."""

from __future__ import annotations

from typing import Any

from nodes.models import Node, NodeTag
from tests.factories import public_key


def tagged_nodes(network: Any, number: int, *, tag: str = "tag:web", first: int = 100_000) -> list[Node]:
    """So many active nodes that carry ``tag``, called m-1, m-2 and so on."""
    nodes = Node.objects.bulk_create(
        Node(network=network, name=f"m-{n}", hostname=f"m-{n}", public_key=public_key(first + n), tagged=True)
        for n in range(1, number + 1)
    )
    NodeTag.objects.bulk_create(NodeTag(node=node, tag=tag) for node in nodes)
    return nodes
