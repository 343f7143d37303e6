"""What is cut when a node leaves the mesh, in lines for a confirmation."""

from __future__ import annotations

from coordinator.consequences import SESSION_ENDS, loss_words, of_leaving
from nodes.models import Node


def losses_of(node: Node) -> list[str]:
    """The worst first: networks that nobody else routes to, then the node itself."""
    found = of_leaving(network_id=node.network_id, node_ids=[node.pk])
    return [_sentence(words) for loss in found.losses for words in loss_words(loss)]


def _sentence(words: str) -> str:
    if words == SESSION_ENDS:
        return "Its session ends, and all peers drop it within 2 seconds."
    return f"It {words}."
