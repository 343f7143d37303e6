"""What a Change says: the full new facts of the rows that changed, ready for JSON."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from nodes.selectors import load_network_record, load_node_records


def node_facts(network_id: int, node_ids: Iterable[int], *, removed: Iterable[int] = ()) -> dict[str, Any]:
    """Facts of ``ChangeKind.NODES``: the nodes as they now are, whole, and the ids of those that are gone."""
    records = load_node_records(network_id, node_ids)
    return {"nodes": msgspec.to_builtins(records), "removed": sorted(removed)}


def patches(sets: Iterable[tuple[int, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The member ``patched`` of such facts, for acts on very many nodes: what each has from now on (``NodePatch``).

    Nodes that get the same stand together: 50,000 of them come to 300 kB, where whole they would be 30 MB.
    """
    # Written once for all who get the same: of 50,000 nodes most do.
    texts: dict[Any, str] = {}
    ids: dict[str, list[int]] = defaultdict(list)
    for node_id, new in sets:
        key = tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in new.items())
        text = texts.get(key)
        if text is None:
            text = texts[key] = json.dumps(msgspec.to_builtins(dict(new)), sort_keys=True)
        ids[text].append(node_id)
    return [{"ids": sorted(nodes), "set": json.loads(new)} for new, nodes in ids.items()]


def patched_ids(facts: Mapping[str, Any]) -> list[int]:
    """Ids of the nodes that facts tell by ``patched``."""
    return [node_id for patch in facts.get("patched") or () for node_id in patch["ids"]]


def homed_ids(facts: Mapping[str, Any]) -> list[int]:
    """Ids of the nodes that facts tell by ``homes``: those that got another home region with the relays."""
    return [node_id for home in facts.get("homes") or () for node_id in home["nodes"]]


def homes_told(facts: Mapping[str, Any]) -> list[tuple[str, list[int]]]:
    """The same by the code of their new home region; an empty code: they have none any more."""
    codes = {region["id"]: region["code"] for region in (facts.get("network") or {}).get("relay_regions") or ()}
    return [(codes.get(home["region"], str(home["region"] or "")), home["nodes"]) for home in facts.get("homes") or ()]


def network_facts(network_id: int) -> dict[str, Any]:
    """Facts of ``ChangeKind.NETWORK``: the settings, DNS records and relays as they now are, whole."""
    return {"network": msgspec.to_builtins(load_network_record(network_id))}
