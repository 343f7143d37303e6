"""Where snapshots are kept: one a network, in Redis, written by whichever worker finds it old first.

They save work and hold no truth. Without Redis, or with a snapshot that is missing, old, damaged or of another
history, a worker reads the database instead.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

import structlog
from blake3 import blake3
from django.conf import settings
from django.utils import timezone
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from coordinator.snapshots.blob import (
    HEAD_BYTES,
    Head,
    Snapshot,
    UnreadableSnapshotError,
    pack_snapshot,
    read_head,
    schema_hash,
    unpack_snapshot,
)
from coordinator.stamps import Stamp, stamp_at
from mesh.netmap.state import State
from nodes.models import Network

log = structlog.get_logger(__name__)

# A snapshot is written anew once it is so many changes behind, or so old and behind at all.
MOST_CHANGES: Final = 500
MOST_AGE: Final = timedelta(minutes=10)
# Whoever writes keeps the others, and itself, from writing this network again for so long.
LOCK_SECONDS: Final = 60
KEPT_SECONDS: Final = 7 * 86400
TIMEOUT_SECONDS: Final = 5.0


class Snapshots:
    """Snapshots at one Redis. ``installation`` keeps apart what shares a Redis; ``client`` None: there is none."""

    def __init__(self, make_client: Callable[[], Redis | None], installation: Callable[[], str]) -> None:
        self._make_client = make_client
        self._make_installation = installation
        # What a network's snapshot was last seen to be good enough for, and when.
        self._seen: dict[int, tuple[int, Stamp, datetime]] = {}

    @cached_property
    def _redis(self) -> Redis | None:
        return self._make_client()

    @cached_property
    def _installation(self) -> str:
        return self._make_installation()

    def read(self, network_id: int, *, most_steps: int) -> Snapshot | None:
        """The snapshot of a network, if the change log leads on from it in at most ``most_steps``.

        What it is of is checked against the database: a snapshot is of this installation, epoch and history, or it is
        none. Two queries.
        """
        if self._redis is None:
            return None
        row = Network.objects.filter(pk=network_id).values_list("epoch", "map_version").first()
        if row is None:
            return None
        epoch, version = row
        try:
            blob = self._redis.get(self._key(network_id, epoch))
            if not isinstance(blob, bytes):
                return None
            head = read_head(blob)
            reason = self._objection(head, network_id, epoch, version, most_steps)
            if reason is None:
                return unpack_snapshot(blob)
        except (RedisError, OSError) as error:
            reason = f"{type(error).__name__}: {error}"
        except UnreadableSnapshotError as error:
            reason = str(error)
        log.warning("snapshot.not_used", network_id=network_id, reason=reason)
        return None

    def _objection(self, head: Head, network_id: int, epoch: int, version: int, most_steps: int) -> str | None:
        if (head.installation, head.network_id, head.epoch) != (self._installation, network_id, epoch):
            return "it is of another network"
        if not version - most_steps <= head.version <= version:
            return f"it is at version {head.version}, the network at {version}"
        if stamp_at(network_id, head.version) != head.stamp:
            return f"version {head.version} of this database is another one"
        return None

    def write_if_old(self, state: State, stamp: Stamp) -> bool:
        """Writes a state unless the snapshot that is there is good enough, or somebody is at it. Raises RedisError."""
        if self._redis is None:
            return False
        network, now = state.topology.network, timezone.now()
        seen = self._seen.get(network.id)
        if seen is not None and seen[:2] == (state.version, stamp) and now - seen[2] < MOST_AGE:
            return False
        if not self._is_old(self._head_of(network.id, network.epoch), state, stamp, now):
            self._seen[network.id] = (state.version, stamp, now)
            return False
        lock = f"{self._key(network.id, network.epoch)}:lock"
        if not self._redis.set(lock, b"", nx=True, ex=LOCK_SECONDS):
            return False
        self.write(state, stamp)
        return True

    def write(self, state: State, stamp: Stamp) -> int:
        """Writes a state as it is; returns how many bytes that takes. Raises RedisError."""
        if self._redis is None:
            return 0
        network = state.topology.network
        blob = pack_snapshot(
            state.topology,
            state.policy.policy,
            state.policy.at,
            installation=self._installation,
            stamp=stamp,
            made_at=timezone.now(),
        )
        self._redis.set(self._key(network.id, network.epoch), blob, ex=KEPT_SECONDS)
        log.info("snapshot.written", network_id=network.id, version=state.version, bytes=len(blob))
        return len(blob)

    def _is_old(self, head: Head | None, state: State, stamp: Stamp, now: datetime) -> bool:
        if head is None:
            return True
        if head.version >= state.version:
            # That of a worker that is ahead of this one, unless it is of a history that was taken back.
            here = stamp if head.version == state.version else stamp_at(head.network_id, head.version)
            return head.stamp != here
        return state.version - head.version >= MOST_CHANGES or now - head.made_at >= MOST_AGE

    def _head_of(self, network_id: int, epoch: int) -> Head | None:
        assert self._redis is not None
        beginning = self._redis.getrange(self._key(network_id, epoch), 0, HEAD_BYTES - 1)
        try:
            return read_head(beginning) if isinstance(beginning, bytes) and beginning else None
        except UnreadableSnapshotError:
            return None

    def _key(self, network_id: int, epoch: int) -> str:
        schema = schema_hash(settings.GHOSTWIRE_VERSION)
        return f"ghostwire:snapshot:{self._installation}:{schema}:{network_id}:{epoch}"


def _client() -> Redis | None:
    url = settings.GHOSTWIRE.redis.url
    if url is None:
        return None
    return Redis.from_url(
        str(url),
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        # There is another way to the same: no use in waiting for this one.
        retry=Retry(NoBackoff(), 0),
    )


def _installation() -> str:
    """Names what shares the secrets: every worker of an installation, and nothing else."""
    secret: bytes = settings.GHOSTWIRE_SECRETS.challenge
    return blake3(secret, derive_key_context="ghostwire 2026 snapshots of networks, installation").hexdigest(8)


SNAPSHOTS: Final = Snapshots(_client, _installation)
