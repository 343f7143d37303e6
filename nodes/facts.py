"""What a Change says: the full new facts of the rows that changed, ready for JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from nodes.selectors import load_network_record, load_node_records


def node_facts(network_id: int, node_ids: Iterable[int], *, removed: Iterable[int] = ()) -> dict[str, Any]:
    """Facts of ``ChangeKind.NODES``: the nodes as they now are, whole, and the ids of those that are gone."""
    records = load_node_records(network_id, node_ids)
    return {"nodes": msgspec.to_builtins(records), "removed": sorted(removed)}


def network_facts(network_id: int) -> dict[str, Any]:
    """Facts of ``ChangeKind.NETWORK``: the settings, DNS records and relays as they now are, whole."""
    return {"network": msgspec.to_builtins(load_network_record(network_id))}
