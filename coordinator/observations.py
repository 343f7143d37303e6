"""Reports of where a node's WireGuard saw its peers (agent protocol, "Liveness")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_network
from typing import Final

from coordinator.limits import Limit, enforce
from coordinator.maps import state_of
from mesh.endpoints import MAX_ENDPOINTS, parse_endpoint
from mesh.errors import FieldError, ValidationError
from mesh.netmap.ids import peers_of
from nodes.models import Network, Node
from nodes.services.observations import news_of

OBSERVATIONS: Final = Limit("observed", 6, 60.0)
_MAX_ID: Final = 2**53


def read_observed(network: Network, observed: Mapping[str, str]) -> dict[int, str]:
    """Where peers were seen, by node id and in normal form. Raises ValidationError naming the member at fault."""
    if len(observed) > MAX_ENDPOINTS:
        message = f"At most {MAX_ENDPOINTS} peers in one report."
        raise ValidationError("Too many peers.", errors=(FieldError("observed_endpoints", message),))
    mesh = [ip_network(text) for text in (network.ipv4_range, network.ipv6_range) if text]
    found: dict[int, str] = {}
    errors: list[FieldError] = []
    for key, text in observed.items():
        field = f"observed_endpoints.{key[:32]}"
        if not (key.isascii() and key.isdigit() and len(key) <= 16 and 0 < int(key) < _MAX_ID):
            errors.append(FieldError(field, "The key is the id of a node."))
            continue
        try:
            found[int(key)] = str(parse_endpoint(text, mesh_ranges=mesh))
        except ValidationError as error:
            errors.append(FieldError(field, error.detail))
    if errors:
        raise ValidationError("An observed endpoint is refused.", errors=tuple(errors))
    return found


def observed_news(node: Node, observed: Mapping[str, str], now: datetime) -> dict[int, str]:
    """What is new of where ``node`` saw those of its peers that it can see now: to be written.

    Others are passed over: maps move while a report is under way. Raises ValidationError, and ThrottledError for news
    that come too often.
    """
    news = news_of(reporter_id=node.pk, seen=read_observed(node.network, observed), now=now)
    if not news:
        return {}
    state = state_of(node.network_id, node.network.map_version)
    if state.topology.present(node.pk) is None:
        return {}
    peers = peers_of(state, node.pk, state)
    news = {node_id: address for node_id, address in news.items() if node_id in peers}
    if news:
        enforce(OBSERVATIONS, str(node.pk), now.timestamp())
    return news
