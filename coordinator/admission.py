"""Whom a socket is opened for: known from memory where that counts, else asked of the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from coordinator.authentication import admit_node, admit_session
from coordinator.hot_path.credentials import CREDENTIALS, Known, vouches
from coordinator.threads import in_thread


@dataclass(frozen=True, slots=True)
class Admission:
    """A session that may speak, and what its network says of heartbeats (seconds between two) and epoch."""

    known: Known
    heartbeat_seconds: float
    epoch: int


async def admit(token: str, now: datetime) -> Admission:
    """Admits the node whose session's token it is. Raises what ``coordinator.authentication.admit_node`` does."""
    known = CREDENTIALS.recall(token)
    topology = None if known is None else vouches(known, now)
    if known is not None and topology is not None:
        return Admission(known, float(topology.network.heartbeat_seconds), topology.network.epoch)
    session = await in_thread(admit_node, token=token, now=now)
    known, network = Known.of(session), session.node.network
    CREDENTIALS.remember(token, known)
    return Admission(known, float(network.keepalive_seconds), network.epoch)


def session_end(session_id: int, now: datetime) -> datetime:
    """When a session ends by the clock, or its node's key if that is sooner, as the database has it now.

    Raises what ``coordinator.authentication.admit_session`` does.
    """
    session = admit_session(session_id=session_id, now=now)
    ends = session.node.key_expires_at
    return session.expires_at if ends is None else min(session.expires_at, ends)
