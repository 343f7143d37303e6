"""Answers heartbeats: a sign of life, and now and then a fact that changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction

from coordinator.limits import ENDPOINT_CHANGES, POSTURE_CHANGES, enforce
from coordinator.observations import observed_news
from coordinator.presence import note_alive
from mesh.change import Cause, ChangeKind
from nodes.changes import lock_node, record_change
from nodes.facts import node_facts
from nodes.models import Network, Node
from nodes.services.endpoints import (
    advertised_endpoints,
    endpoint_facts,
    read_endpoints,
    replace_endpoints,
    write_endpoints,
)
from nodes.services.nodes import (
    SYSTEM_FACTS,
    PostureValue,
    ReportedFacts,
    apply_reported,
    check_latencies,
    check_posture,
    same_posture,
)
from nodes.services.observations import note_observations
from sessions_app.models import NodeSession

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HeartbeatReport:
    """What a heartbeat may bring along; None: nothing of the kind."""

    endpoints: Sequence[str] | None = None
    relay_latency_ms: Mapping[str, float] | None = None
    posture: Mapping[str, PostureValue] | None = None
    observed_endpoints: Mapping[str, str] | None = None
    traffic: Mapping[str, Any] | None = None


def answer_heartbeat(*, session: NodeSession, report: HeartbeatReport, cause: Cause, now: datetime) -> dict[str, Any]:
    """Notes that the node lives, writes what changed, and says what the agent should know, ready for JSON.

    The limit of heartbeats is the caller's to see to. Raises ThrottledError and ValidationError, upon which nothing of
    the report is written, and NotFoundError.
    """
    node = session.node
    note_alive(node.network_id, node.pk, is_online=node.online, now=now)
    seen = None if report.observed_endpoints is None else observed_news(node, report.observed_endpoints, now)
    write_report(node=node, report=report, cause=cause, now=now)
    if seen:
        node.network.map_version = note_observations(
            network_id=node.network_id, reporter_id=node.pk, seen=seen, cause=cause, now=now
        )
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
    """Writes those facts of a report that differ from what is stored: all of them, or none."""
    endpoints = None if report.endpoints is None else _changed_endpoints(node, report.endpoints)
    posture = None if report.posture is None else check_posture(report.posture)
    if posture is not None and same_posture(posture, node.posture):
        posture = None
    latencies = report.relay_latency_ms
    latencies = None if latencies is None else _unless(check_latencies(latencies), node.relay_latency_ms)
    if endpoints is None and posture is None and latencies is None:
        return
    # Both limits before anything is written.
    if endpoints is not None:
        enforce(ENDPOINT_CHANGES, str(node.pk), now.timestamp())
    if posture is not None:
        enforce(POSTURE_CHANGES, str(node.pk), now.timestamp())
    facts = ReportedFacts(posture=posture, relay_latency_ms=latencies, endpoints=endpoints)
    # What the answer says is the version after this; the latencies are smoothed.
    node.network.map_version, node.relay_latency_ms = _write_facts(node.pk, facts, cause, now)


def update_endpoints(*, node: Node, endpoints: Sequence[str], cause: Cause, now: datetime) -> list[str]:
    """Replaces the node's endpoints if they differ, within the limit of changes. Returns them in normal form.

    Raises ThrottledError, ValidationError, NotFoundError.
    """
    changed = _changed_endpoints(node, endpoints)
    if changed is None:
        return advertised_endpoints(node)
    enforce(ENDPOINT_CHANGES, str(node.pk), now.timestamp())
    return replace_endpoints(node_id=node.pk, endpoints=changed, cause=cause, now=now)


def _changed_endpoints(node: Node, endpoints: Sequence[str]) -> list[str] | None:
    """The endpoints in normal form, so that another spelling is no change; None if they are those that are stored."""
    normal = [str(endpoint) for endpoint in read_endpoints(node.network, endpoints)]
    return _unless(normal, advertised_endpoints(node))


def _unless(new: T, old: object) -> T | None:
    return None if new == old else new


@transaction.atomic
def _write_facts(node_id: int, reported: ReportedFacts, cause: Cause, now: datetime) -> tuple[int, dict[str, float]]:
    network, node = lock_node(node_id)
    if reported.endpoints is not None and write_endpoints(network=network, node=node, endpoints=reported.endpoints):
        facts = endpoint_facts([node.pk])
        record_change(network=network, kind=ChangeKind.ENDPOINTS, facts=facts, cause=cause, now=now)
    _write_scalars(network, node, reported, cause, now)
    return network.map_version, node.relay_latency_ms


def _write_scalars(network: Network, node: Node, reported: ReportedFacts, cause: Cause, now: datetime) -> None:
    home_region, posture = node.home_region, node.posture
    if not apply_reported(network=network, node=node, reported=reported):
        return
    node.save(update_fields=["posture", *SYSTEM_FACTS, "relay_latency_ms", "home_region"])
    # Latencies alone are for administrators; peers notice a new home region, the policy a new posture.
    if node.home_region != home_region or not same_posture(node.posture, posture):
        facts = node_facts(network.pk, [node.pk])
        record_change(network=network, kind=ChangeKind.NODES, facts=facts, cause=cause, now=now)
