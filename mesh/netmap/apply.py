"""How a reader of deltas keeps its map. Agents use it, and tests hold it against whole maps.

All values are as JSON gives them. What does not fit is refused whole: the map given stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

REPLACED = ("node", "node_key", "lease_seconds", "packet_filter", "dns", "derp_map", "domain")
SET_LISTS = ("users", "tags", "prefixes")


class DeltaError(Exception):
    """The delta does not fit the map: ask for a whole one."""


def apply_delta(netmap: dict[str, Any], delta: dict[str, Any]) -> dict[str, Any]:
    """The map after ``delta``.

    Raises DeltaError if the delta starts elsewhere, or names a peer or set that is not there.
    """
    if delta["epoch"] != netmap["epoch"] or delta["from"] != netmap["version"]:
        raise DeltaError(f"{delta['epoch']}.{delta['from']} is not {netmap['epoch']}.{netmap['version']}")
    result = netmap | {name: delta[name] for name in REPLACED if name in delta}
    result["version"] = delta["to"]
    peers = {peer["id"]: peer for peer in netmap["peers"]}
    _apply_peers(peers, delta)
    result["peers"] = list(peers.values())
    result["sets"] = _apply_sets(netmap["sets"], delta.get("sets", {}))
    profiles = netmap["user_profiles"] | delta.get("user_profiles", {})
    referred = {str(peer["user"]) for peer in result["peers"]} | {str(result["node"]["user"])}
    result["user_profiles"] = {user: profile for user, profile in profiles.items() if user in referred}
    return result


def _apply_peers(peers: dict[int, Any], delta: dict[str, Any]) -> None:
    for peer_id in delta.get("peers_removed", ()):
        if peers.pop(peer_id, None) is None:
            raise DeltaError(f"peer {peer_id} is not there to remove")
    for changed in delta.get("peers_changed", ()):
        if changed["id"] not in peers:
            raise DeltaError(f"peer {changed['id']} is not there to change")
        peers[changed["id"]] = peers[changed["id"]] | changed
    for added in delta.get("peers_added", ()):
        peers[added["id"]] = added
    presence = delta.get("presence", {})
    for peer_id in _within(peers, presence.get("online", ())):
        peers[peer_id] = peers[peer_id] | {"online": True, "last_seen": None}
    for gone in presence.get("offline", ()):
        for peer_id in _within(peers, gone["ids"]):
            peers[peer_id] = peers[peer_id] | {"online": False, "last_seen": gone["at"]}


def _within(peers: dict[int, Any], ranges: Iterable[tuple[int, int]]) -> list[int]:
    """The peers whose ids lie in ``ranges``; ids of others are passed over."""
    found: list[int] = []
    for first, last in ranges:
        if last - first < len(peers):
            found.extend(peer_id for peer_id in range(first, last + 1) if peer_id in peers)
        else:
            found.extend(peer_id for peer_id in peers if first <= peer_id <= last)
    return found


def _apply_sets(sets: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    result = dict(sets)
    for name, change in changes.items():
        if change is None:
            if result.pop(name, None) is None:
                raise DeltaError(f"set {name} is not there to drop")
        elif "put" in change:
            result[name] = change["put"]
        elif name not in result:
            raise DeltaError(f"set {name} is not there to change")
        else:
            result[name] = _changed_set(result[name], change)
    return result


def _changed_set(former: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    add, remove = change.get("add", {}), change.get("remove", {})
    result = dict(former)
    for member in SET_LISTS:
        if member in add or member in remove:
            gone = set(remove.get(member, ()))
            kept = [item for item in former[member] if item not in gone]
            result[member] = sorted({*kept, *add.get(member, ())})
    if "ids" in add or "ids" in remove:
        result["ids"] = _add_ranges(_remove_ranges(former["ids"], remove.get("ids", ())), add.get("ids", ()))
    return result


def _add_ranges(ranges: Iterable[list[int]], more: Iterable[list[int]]) -> list[list[int]]:
    merged: list[list[int]] = []
    for first, last in sorted([*map(list, ranges), *map(list, more)]):
        if merged and first <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], last)
        else:
            merged.append([first, last])
    return merged


def _remove_ranges(ranges: Iterable[list[int]], less: Iterable[list[int]]) -> list[list[int]]:
    left = [list(item) for item in ranges]
    for first, last in less:
        pieces = []
        for start, end in left:
            if last < start or end < first:
                pieces.append([start, end])
                continue
            if start < first:
                pieces.append([start, first - 1])
            if last < end:
                pieces.append([last + 1, end])
        left = pieces
    return left
