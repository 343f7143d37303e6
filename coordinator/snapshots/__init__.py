"""Snapshots of whole networks in Redis, so that a worker that starts need not ask the database for every row."""

from coordinator.snapshots.blob import Snapshot, UnreadableSnapshotError, pack_snapshot, unpack_snapshot
from coordinator.snapshots.store import SNAPSHOTS, Snapshots

__all__ = [
    "SNAPSHOTS",
    "Snapshot",
    "Snapshots",
    "UnreadableSnapshotError",
    "pack_snapshot",
    "unpack_snapshot",
]
