"""The selected node, as the panel beside the graph tells of it."""

from __future__ import annotations

from typing import Any

from coordinator.policy.graph import LiveGraph
from mesh.topology import NodeRecord
from nodes.models import Node, OnlineSpan
from portal import links
from portal.live import WORDS


def subject(found: LiveGraph, record: NodeRecord) -> dict[str, Any]:
    """Name, state and since when, whose it is, addresses, system, home region and where its page is."""
    status = found.status(record.id) if found.state.policy.node(record.id) is not None else _absent(record)
    owner = found.state.topology.users.get(record.user) if record.user is not None and not record.tags else None
    return {
        "id": record.id,
        "name": record.name,
        "status": status,
        "word": WORDS[status],
        "since": _since(record, status),
        "owner": "" if owner is None else owner.display_name or owner.login,
        "owner_url": links.change_url("sessions_app.user", owner.id) if owner is not None else "",
        "tags": list(record.tags),
        "addresses": list(record.addresses),
        "system": f"{record.os} {record.os_version}".strip(),
        "home": _home(found, record),
        "url": links.change_url("nodes.node", record.id),
    }


def _absent(record: NodeRecord) -> str:
    return {"disabled": "disabled", "expired": "expired", "pending": "waiting"}.get(record.state, "login")


def _since(record: NodeRecord, status: str) -> str | None:
    """Since when it is online, or else when it was last heard."""
    at = record.last_seen
    if status in ("online", "late"):
        began = OnlineSpan.objects.filter(node=record.id, ended=None).values_list("began", flat=True).first()
        at = began or at
    return None if at is None else at.isoformat()


def _home(found: LiveGraph, record: NodeRecord) -> str:
    if record.home_region is None:
        return ""
    regions = {region.id: region.name for region in found.state.topology.network.relay_regions}
    name = regions.get(record.home_region, f"region {record.home_region}")
    measured = Node.objects.filter(pk=record.id).values_list("relay_latency_ms", flat=True).first() or {}
    latency = measured.get(str(record.home_region))
    return name if latency is None else f"{name}, {round(latency)} ms"
