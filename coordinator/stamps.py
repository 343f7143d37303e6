"""Which row of the change log a version is, so that two histories of one network are told apart.

A database that was restored from a backup goes on with other changes under the versions that it had given out before.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from nodes.models import Change

Stamp = tuple[str, str, str, str]
"""Kind, actor, request and instant: they stay when a row's facts are pruned."""

STAMP_FIELDS: Final = ("kind", "actor", "request_id", "created_at")


def stamp_at(network_id: int, version: int) -> Stamp | None:
    """The stamp of a version of a network, in one query; None if the change log has no such row."""
    row = Change.objects.filter(network_id=network_id, version=version).values_list(*STAMP_FIELDS).first()
    return None if row is None else stamp_of(*row)


def stamp_of(kind: str, actor: str, request_id: str, created_at: datetime) -> Stamp:
    """The stamp of a row, from its ``STAMP_FIELDS``."""
    return kind, actor, request_id, created_at.isoformat()
