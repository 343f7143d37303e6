"""The map exactly as a node sees it: the document that its agent is told, and a summary for people."""

from __future__ import annotations

import json
from typing import Any, Final

from blake3 import blake3
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify

from coordinator.maps import MapBody, map_body
from coordinator.replica import current_state
from mesh.errors import NotFoundError
from nodes.models import Node
from portal import links
from portal.node.told import told_of
from sessions_app.roles import allows

PEERS: Final = 25
"""Peers that the summary lists."""
PEER_BYTES: Final = 16 * 1024
"""More than a peer takes."""
PEERS_BEGIN: Final = b',"peers":['
"""Where the peers begin, which end the document. Within a JSON text no unescaped quote can make these bytes."""
SHOWN_BYTES: Final = 32 * 1024
"""Of each member of the document, as text."""


def may_see_map(request: HttpRequest) -> bool:
    """The capability that the API asks for the same document."""
    return allows(request.user, "nodes.view")


def map_page(request: HttpRequest, node: Node, context: dict[str, Any]) -> HttpResponse:
    """The page. Raises PermissionDenied."""
    _demand(request)
    now, state = timezone.now(), current_state(node.network_id)
    told = told_of(node, state, now)
    context |= {
        "title": "Map",
        "gw_crumbs": [*context.get("gw_crumbs", ()), links.crumb_of(node)],
        "node": node,
        "told": told,
        "version": state.version,
        "epoch": state.epoch,
        "body": None,
    }
    try:
        body = map_body(state, node.pk)
    except NotFoundError:
        return TemplateResponse(request, "portal/node/map.html", context)
    document, peers = _read(body)
    number = len(state.policy.peer_ids(node.pk))
    context |= {
        "body": body,
        "size": len(body.json),
        "hash": blake3(body.json).hexdigest(16),
        "download": reverse("admin:nodes_node_map_json", args=[node.pk]),
        "parts": [*(_part(name, value) for name, value in document.items()), _peers_part(body, peers, number)],
        "document": document,
        "peers": [_peer(peer) for peer in peers],
        "peer_count": number,
        "more_peers": max(0, number - len(peers)),
        "relays": _relays(document),
        "filter": [_entry(entry) for entry in document["packet_filter"][:PEERS]],
        "more_entries": max(0, len(document["packet_filter"]) - PEERS),
    }
    return TemplateResponse(request, "portal/node/map.html", context)


def map_document(request: HttpRequest, node: Node) -> HttpResponse:
    """The bytes that the agent is told. Raises PermissionDenied, Http404 where there is no map."""
    _demand(request)
    try:
        body: MapBody = map_body(current_state(node.network_id), node.pk)
    except NotFoundError as error:
        raise Http404 from error
    name = f"{slugify(node.name)}-map-{body.version}.json"
    return HttpResponse(
        body.json,
        content_type="application/json",
        headers={
            "ETag": body.etag,
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="{name}"',
        },
    )


def _demand(request: HttpRequest) -> None:
    if not may_see_map(request):
        raise PermissionDenied


def _read(body: MapBody) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The document without its peers, which may be megabytes, and the first of these."""
    head, mark, rest = body.json.partition(PEERS_BEGIN)
    document: dict[str, Any] = json.loads(head + b"}")
    assert mark
    peers: list[dict[str, Any]] = []
    text = rest[: PEERS * PEER_BYTES].decode(errors="ignore")
    reader, at = json.JSONDecoder(), 0
    while len(peers) < PEERS and text[at : at + 1] not in ("]", ""):
        try:
            peer, at = reader.raw_decode(text, at)
        except ValueError:  # the last of those that were looked at is cut off
            break
        peers.append(peer)
        at += text[at : at + 1] == ","
    return document, peers


def _peers_part(body: MapBody, peers: list[dict[str, Any]], number: int) -> dict[str, Any]:
    raw = b"[" + body.json.partition(PEERS_BEGIN)[2][:-1]
    text = json.dumps(peers, indent=2, ensure_ascii=False)
    return {
        "name": "peers",
        "text": text[:SHOWN_BYTES],
        "cut": len(text) > SHOWN_BYTES or number > len(peers),
        "short": False,
        "number": number,
        "size": len(raw),
        "hash": blake3(raw).hexdigest(8),
    }


def _part(name: str, value: Any) -> dict[str, Any]:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    compact = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return {
        "name": name,
        "text": text[:SHOWN_BYTES],
        "cut": len(text) > SHOWN_BYTES,
        "short": not isinstance(value, dict | list),
        "number": len(value) if isinstance(value, dict | list) else None,
        "size": len(compact),
        "hash": blake3(compact).hexdigest(8),
    }


def _peer(peer: dict[str, Any]) -> dict[str, Any]:
    return peer | {"url": links.change_url("nodes.node", peer["id"])}


def _relays(document: dict[str, Any]) -> list[dict[str, Any]]:
    regions = document["derp_map"].get("regions", document["derp_map"])
    values = regions.values() if isinstance(regions, dict) else regions
    return [item for item in values if isinstance(item, dict)]


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    return {"text": json.dumps(entry, ensure_ascii=False), **entry}
