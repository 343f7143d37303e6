"""What this process knows of the sessions that speak to it, and when that counts without asking the database.

Only while the replica of the network is current (``TAIL.is_fresh``), and only while the node's record is the very one
of before the database was last asked: whatever concerns a node or its session makes another record of it, the renewal
of its token included. So a session that ended anywhere is refused here as soon as its end is read, within 2 s, and a
worker that cannot read any more asks.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final

from django.conf import settings

from coordinator.metrics import VALIDATIONS
from coordinator.replica import REPLICAS
from coordinator.tail import TAIL
from mesh.tokens import digest_token
from mesh.topology import NodeRecord, Topology
from sessions_app.models import NodeSession

MAX_TOKENS: Final = 65_536


@dataclass(slots=True)
class Known:
    """A session as the database had it when it was last asked.

    ``record``: the node in the replica then; None if the replica did not have it, had moved on already, or while a
    renewed token waits for its first use: then nothing is answered from memory. ``version``: of the map, which no
    answer goes behind. ``latencies``: what the node reported of its relays, which the replica does not hold.
    """

    network_id: int
    node_id: int
    session_id: int
    expires_at: datetime
    ends_at: datetime
    record: NodeRecord | None
    version: int
    latencies: Mapping[str, float]
    body: bytes | None = None
    """The last body whose facts were those of ``record``: the same bytes again need not be read."""
    pinged: bool = False
    """Whether the node's first ping is written down: what it tells of it is no news any more."""

    @classmethod
    def of(cls, session: NodeSession) -> Known:
        """What a session says that was just read, by one statement together with its node and network."""
        node = session.node
        expires_at, key_expires_at = session.expires_at, node.key_expires_at
        return cls(
            network_id=node.network_id,
            node_id=node.pk,
            session_id=session.pk,
            expires_at=expires_at,
            ends_at=expires_at if key_expires_at is None else min(expires_at, key_expires_at),
            record=_record_of(session) if session.pending_digest is None else None,
            version=node.network.map_version,
            latencies=node.relay_latency_ms,
            pinged=node.first_ping_at is not None,
        )

    def update(self, fresh: Known) -> None:
        """Takes over what was read anew about the same session."""
        self.expires_at, self.ends_at = fresh.expires_at, fresh.ends_at
        self.record, self.version, self.latencies = fresh.record, fresh.version, fresh.latencies
        self.body, self.pinged = None, fresh.pinged


def _record_of(session: NodeSession) -> NodeRecord | None:
    """The node in this process's replica, if the replica is not ahead of what was read: what happened between the two
    would be seen by neither."""
    state = REPLICAS.of(session.node.network_id).state
    if state is None or state.version > session.node.network.map_version:
        return None
    return state.topology.nodes.get(session.node_id)


def holds(known: Known, now: datetime) -> Topology | None:
    """The network in memory, if ``known`` still counts at ``now`` by memory alone; None: ask the database.

    Keeps the network's replica current for the time to come.
    """
    network_id, node_id, record = known.network_id, known.node_id, known.record
    TAIL.watch(network_id)
    if record is None or known.ends_at <= now or not TAIL.is_fresh(network_id):
        return None
    state = REPLICAS.of(network_id).state
    if state is None:
        return None
    topology = state.topology
    if topology.nodes.get(node_id) is not record or topology.sessions.get(node_id) != known.session_id:
        return None
    return topology if topology.network.version >= known.version and topology.is_present(record) else None


def vouches(known: Known, now: datetime) -> Topology | None:
    """``holds``, counted where it does: for whoever lets a caller in by it. What memory does not know it never
    refuses: then the database is asked."""
    topology = holds(known, now)
    if topology is not None:
        VALIDATIONS.from_memory += 1
    return topology


class Credentials:
    """The sessions by their tokens' digests: so many, the least used go first. Lives on one event loop."""

    def __init__(self, limit: int = MAX_TOKENS) -> None:
        self._limit = limit
        self._known: OrderedDict[bytes, Known] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def recall(self, token: str) -> Known | None:
        """The session that this token belonged to when the database was last asked. Whether it still counts
        ``holds`` tells."""
        digest = digest_token(token, _key())
        known = self._known.get(digest)
        if known is not None:
            self._known.move_to_end(digest)
        return known

    def remember(self, token: str, known: Known) -> None:
        """Takes in a session that the database admitted with this token, just now."""
        digest = digest_token(token, _key())
        if known.record is None:
            self._known.pop(digest, None)
            return
        self._known[digest] = known
        self._known.move_to_end(digest)
        if len(self._known) > self._limit:
            self._known.popitem(last=False)

    def clear(self) -> None:
        """Forgets everything."""
        self._known.clear()


@cache
def _key() -> bytes:
    """Tokens are kept as the database keeps them: who reads this process's memory finds none in it."""
    pepper: bytes = settings.GHOSTWIRE_SECRETS.peppers[0].value
    return pepper


CREDENTIALS: Final = Credentials()
