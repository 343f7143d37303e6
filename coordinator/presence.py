"""Notes that nodes live."""

from __future__ import annotations

from datetime import datetime

from coordinator.arrivals import ARRIVALS
from coordinator.tail import TAIL


def note_alive(network_id: int, node_id: int, *, is_online: bool, now: datetime) -> None:
    """Notes that a node was heard. Its peers are told within a second if they believed it offline."""
    ARRIVALS.note(network_id, node_id, is_online=is_online, now=now)
    TAIL.start()
