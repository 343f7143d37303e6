"""When a node's first ping over the mesh was answered: told once by its agent, kept for good."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef

from nodes.models import Node


def note_first_ping(*, node_id: int, peer_id: int, milliseconds: float, now: datetime) -> bool:
    """Writes that a peer answered; whether that is news. Maps do not show it, so none moves.

    Nothing is written of a peer that is no other node of the same network: an agent could tell anything. One statement.
    """
    peer = Node.objects.filter(pk=peer_id, network_id=OuterRef("network_id")).exclude(pk=OuterRef("pk"))
    unanswered = Node.objects.filter(Exists(peer), pk=node_id, first_ping_at=None)
    return bool(unanswered.update(first_ping_at=now, first_ping_ms=milliseconds, first_ping_peer=peer_id))
