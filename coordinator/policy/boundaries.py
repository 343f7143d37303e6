"""For the workers' timers: which networks' schedules are due, and writing a boundary to the change log once."""

from __future__ import annotations

from datetime import datetime

from acl.services import boundaries

__all__ = ["due_networks", "write_boundary"]


def due_networks(now: datetime) -> list[int]:
    """The networks with a boundary at or before ``now`` that nobody wrote yet, in one indexed query: for a poll."""
    return boundaries.due_networks(now)


def write_boundary(network_id: int, now: datetime) -> int | None:
    """Writes the boundary that is due in a network as exactly one Change, whichever worker comes first.

    Returns the new map version, or None where nothing was due. Raises NotFoundError.
    """
    return boundaries.write_boundary(network_id=network_id, now=now)
