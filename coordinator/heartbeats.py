"""Answers heartbeats: a sign of life, and now and then a fact that changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from coordinator.limits import ENDPOINT_CHANGES, HEARTBEATS, POSTURE_CHANGES, enforce
from coordinator.presence import note_alive
from mesh.change import Cause, ChangeKind
from nodes.changes import lock_network, record_change
from nodes.facts import node_facts
from nodes.models import Node
from nodes.services.endpoints import replace_endpoints
from nodes.services.nodes import PostureValue, ReportedFacts, apply_reported
from sessions_app.models import NodeSession


@dataclass(frozen=True, slots=True)
class HeartbeatReport:
    """What a heartbeat may bring along; None: nothing of the kind."""

    endpoints: Sequence[str] | None = None
    relay_latency_ms: Mapping[str, float] | None = None
    posture: Mapping[str, PostureValue] | None = None


def answer_heartbeat(*, session: NodeSession, report: HeartbeatReport, cause: Cause, now: datetime) -> dict[str, Any]:
    """Notes that the node lives, writes what changed, and says what the agent should know, ready for JSON.

    Raises ThrottledError (nothing is written), ValidationError.
    """
    node = session.node
    enforce(HEARTBEATS, str(node.pk), now.timestamp())
    note_alive(node.network_id, node.pk, is_online=node.online, now=now)
    write_report(node=node, report=report, cause=cause, now=now)
    return heartbeat_ack(session, now)


def heartbeat_ack(session: NodeSession, now: datetime) -> dict[str, Any]:
    """The answer to a heartbeat."""
    node = session.node
    network = node.network
    return {
        "epoch": network.epoch,
        "map_version": network.map_version,
        "next_heartbeat_seconds": network.keepalive_seconds,
        "session_expires_at": session.expires_at,
        "key_expires_at": node.key_expires_at,
        "lease_seconds": network.lease_seconds,
        "server_time": now,
    }


def write_report(*, node: Node, report: HeartbeatReport, cause: Cause, now: datetime) -> None:
    """Writes those facts of a report that differ from what is stored."""
    if report.endpoints is not None:
        update_endpoints(node=node, endpoints=report.endpoints, cause=cause, now=now)
    posture = report.posture
    if posture is not None and dict(posture) == node.posture:
        posture = None
    latencies = report.relay_latency_ms
    if latencies is not None and dict(latencies) == node.relay_latency_ms:
        latencies = None
    if posture is None and latencies is None:
        return
    if posture is not None:
        enforce(POSTURE_CHANGES, str(node.pk), now.timestamp())
    _write_facts(node, ReportedFacts(posture=posture, relay_latency_ms=latencies), cause, now)


def update_endpoints(*, node: Node, endpoints: Sequence[str], cause: Cause, now: datetime) -> list[str]:
    """Replaces the node's endpoints if they differ, within the limit of changes. Returns them in normal form."""
    current = list(node.endpoints.values_list("address", flat=True))
    if current == list(endpoints):
        return current
    enforce(ENDPOINT_CHANGES, str(node.pk), now.timestamp())
    return replace_endpoints(node_id=node.pk, endpoints=endpoints, cause=cause, now=now)


@transaction.atomic
def _write_facts(node: Node, reported: ReportedFacts, cause: Cause, now: datetime) -> None:
    network = lock_network(node.network_id)
    current = Node.objects.get(pk=node.pk)
    home, posture = current.home_region, current.posture
    if not apply_reported(network=network, node=current, reported=reported):
        return
    current.save(update_fields=["posture", "relay_latency_ms", "home_region"])
    # Latencies alone are for administrators; peers notice a new home region, the policy a new posture.
    if (current.home_region, current.posture) != (home, posture):
        facts = node_facts(network.pk, [node.pk])
        record_change(network=network, kind=ChangeKind.NODES, facts=facts, cause=cause, now=now)
        node.network.map_version = network.map_version
