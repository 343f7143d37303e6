"""For the workers' timers: which networks' schedules are due, and writing a boundary to the change log once."""

from __future__ import annotations

from datetime import datetime

from acl.services import boundaries
from mesh.errors import NotFoundError

__all__ = ["due_networks", "write_boundary", "write_due_boundaries"]


def due_networks(now: datetime) -> list[int]:
    """The networks with a boundary at or before ``now`` that nobody wrote yet, in one indexed query: for a poll."""
    return boundaries.due_networks(now)


def write_boundary(network_id: int, now: datetime) -> int | None:
    """Writes the boundary that is due in a network as exactly one Change, whichever worker comes first.

    Returns the new map version, or None where nothing was due. Raises NotFoundError.
    """
    return boundaries.write_boundary(network_id=network_id, now=now)


def write_due_boundaries(now: datetime) -> None:
    """Writes what is due in all networks. One that fails holds up no other; the first error is raised at the end."""
    errors: list[Exception] = []
    for network_id in due_networks(now):
        try:
            write_boundary(network_id, now)
        except NotFoundError:
            continue  # gone since the query
        except Exception as error:  # noqa: BLE001 - raised below
            errors.append(error)
    if errors:
        raise errors[0]
