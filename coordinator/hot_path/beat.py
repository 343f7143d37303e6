"""One heartbeat, whichever way it came: the limit, then memory if that will do, else the database in a thread."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_network
from typing import Any, Final

from coordinator.authentication import admit_session
from coordinator.heartbeats import HeartbeatReport, answer_heartbeat
from coordinator.hot_path.credentials import Known
from coordinator.hot_path.reading import NOTHING
from coordinator.limits import enforce_heartbeat
from coordinator.metrics import HEARTBEATS
from coordinator.presence import note_alive
from coordinator.threads import in_thread
from coordinator.traffic import TRAFFIC, FirstPing, read_first_ping, read_traffic
from mesh.change import Cause
from mesh.endpoints import parse_endpoints
from mesh.topology import NodeRecord, Topology
from mesh.traffic import Totals
from nodes.services.first_ping import note_first_ping
from nodes.services.nodes import check_latencies, check_posture, same_posture
from sessions_app.models import NodeSession

# A longer body is read each time.
MAX_REMEMBERED_BODY: Final = 1024


async def beat(
    known: Known,
    report: HeartbeatReport,
    topology: Topology | None,
    *,
    cause: Callable[[], Cause],
    now: datetime,
    session: NodeSession | None = None,
    body: bytes | None = None,
) -> dict[str, Any]:
    """Notes that the node lives and answers, ready for JSON; what changed is written before the answer.

    ``topology``: what ``holds`` said of ``known`` just now. ``session``: as it was read just now, if it was. ``body``:
    the bytes that ``report`` was read from, which ``known`` remembers if there is nothing new in them. ``known`` is
    brought up to date where the database was asked.

    Raises ThrottledError and ValidationError, upon which nothing of the report is written; AuthenticationError,
    PermissionDeniedError if the session turns out to have ended, and NotFoundError.
    """
    enforce_heartbeat(known.node_id, now)
    traffic = None if report.traffic is None else read_traffic(report.traffic, now)
    ping = None if report.traffic is None else read_first_ping(report.traffic)
    if known.pinged:
        ping = None
    record = known.record
    if topology is not None and record is not None and ping is None and is_known(report, known, record, topology):
        note_alive(known.network_id, known.node_id, is_online=record.online, now=now)
        _note_traffic(known.node_id, traffic)
        HEARTBEATS.from_memory += 1
        if report is not NOTHING:
            known.body = body if body is not None and len(body) <= MAX_REMEMBERED_BODY else None
        return _ack(topology, known, record, now)
    if session is not None and report == NOTHING:
        answer = answer_heartbeat(session=session, report=report, cause=cause(), now=now)  # without a query
    else:
        fresh, answer = await in_thread(_ask_database, known.session_id, session, report, cause(), now, ping=ping)
        known.update(fresh)
    _note_traffic(known.node_id, traffic)
    HEARTBEATS.from_database += 1
    return answer


def _note_traffic(node_id: int, traffic: Totals | None) -> None:
    if traffic is not None:
        TRAFFIC.note(node_id, traffic)


def is_known(report: HeartbeatReport, known: Known, record: NodeRecord, topology: Topology) -> bool:
    """Whether a report says nothing new. Raises ValidationError for facts that are refused."""
    if report is NOTHING:
        return True
    if report.observed_endpoints is not None:
        return False  # what of it is news, the database knows
    if report.endpoints is not None and tuple(report.endpoints) != record.advertised:
        network = topology.network
        mesh = [ip_network(text) for text in (network.ipv4_range, network.ipv6_range) if text]
        # Another spelling is no change.
        if tuple(map(str, parse_endpoints(report.endpoints, mesh_ranges=mesh))) != record.advertised:
            return False
    if report.posture is not None and not same_posture(check_posture(report.posture), record.posture):
        return False
    return report.relay_latency_ms is None or check_latencies(report.relay_latency_ms) == known.latencies


def _ask_database(
    session_id: int,
    session: NodeSession | None,
    report: HeartbeatReport,
    cause: Cause,
    now: datetime,
    *,
    ping: FirstPing | None,
) -> tuple[Known, dict[str, Any]]:
    if session is None:
        session = admit_session(session_id=session_id, now=now)
    fresh = Known.of(session)
    answer = answer_heartbeat(session=session, report=report, cause=cause, now=now)
    # What was just written may not have come to the replica: nothing older may be answered, or compared with.
    fresh.version = session.node.network.map_version
    fresh.latencies = session.node.relay_latency_ms
    if ping is not None and not fresh.pinged:
        fresh.pinged = note_first_ping(
            node_id=fresh.node_id, peer_id=ping.peer_id, milliseconds=ping.milliseconds, now=now
        )
    return fresh, answer


def _ack(topology: Topology, known: Known, record: NodeRecord, now: datetime) -> dict[str, Any]:
    network = topology.network
    return {
        "epoch": network.epoch,
        "map_version": network.version,
        "next_heartbeat_seconds": network.heartbeat_seconds,
        "session_expires_at": known.expires_at,
        "key_expires_at": record.key_expires_at,
        "lease_seconds": network.lease_seconds,
        "server_time": now,
    }
