"""From JSON to a sound map, or a refusal that says what is wrong. Never half a map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent.netmap import values
from agent.netmap.types import (
    Destination,
    FilterRule,
    NetworkMap,
    NodeSet,
    Peer,
    Prefix,
    SelfNode,
    SelfRoute,
    SetRef,
)
from agent.netmap.values import member, refused

_MAX_PORT = 65535


def read_netmap(value: Any, *, own_key: str) -> NetworkMap:
    """Check a whole map and give it its types.

    ``own_key`` is this node's public key in base64: a map made for another key is somebody else's.

    :raises MapRefusedError: for the first thing that does not hold together
    """
    top = values.an_object(value, "top level")
    node_key = values.public_key(member(top, "node_key", ""), "node_key")
    if node_key != own_key:
        raise refused("node_key", "is not the key of this node")
    node = _self(member(top, "node", ""), "node")
    peers = values.a_list(member(top, "peers", ""), "peers", _peer)
    sets = {
        name: _set(spelled, f"sets.{name}") for name, spelled in values.an_object(top.get("sets", {}), "sets").items()
    }
    rules = values.a_list(member(top, "packet_filter", ""), "packet_filter", _rule)
    _check_peers(node, own_key, peers)
    _check_sources(rules, sets)
    return NetworkMap(
        epoch=values.integer(member(top, "epoch", ""), "epoch"),
        version=values.integer(member(top, "version", ""), "version"),
        lease_seconds=values.integer(member(top, "lease_seconds", ""), "lease_seconds", low=1),
        node_key=node_key,
        domain=values.domain(member(top, "domain", ""), "domain"),
        node=node,
        peers=peers,
        sets=sets,
        packet_filter=rules,
    )


def _self(value: Any, path: str) -> SelfNode:
    node = values.an_object(value, path)
    return SelfNode(
        id=values.integer(member(node, "id", f"{path}."), f"{path}.id", low=1),
        name=values.label(member(node, "name", f"{path}."), f"{path}.name"),
        addresses=values.a_list(member(node, "addresses", f"{path}."), f"{path}.addresses", values.address),
        tags=frozenset(values.a_list(node.get("tags", []), f"{path}.tags", values.text)),
        user=_user(node.get("user"), f"{path}.user"),
        routes=values.a_list(node.get("routes", []), f"{path}.routes", _route),
        key_expires_at=values.instant(node.get("key_expires_at"), f"{path}.key_expires_at"),
        rotate_key_at=values.instant(node.get("rotate_key_at"), f"{path}.rotate_key_at"),
    )


def _route(value: Any, path: str) -> SelfRoute:
    route = values.an_object(value, path)
    return SelfRoute(
        prefix=values.prefix(member(route, "prefix", f"{path}."), f"{path}.prefix"),
        approved=values.boolean(member(route, "approved", f"{path}."), f"{path}.approved"),
        primary=values.boolean(route.get("primary", False), f"{path}.primary"),
    )


def _peer(value: Any, path: str) -> Peer:
    peer = values.an_object(value, path)

    def listed(name: str, read: Callable[[Any, str], Any]) -> tuple[Any, ...]:
        return values.a_list(member(peer, name, f"{path}."), f"{path}.{name}", read)

    return Peer(
        id=values.integer(member(peer, "id", f"{path}."), f"{path}.id", low=1),
        name=values.label(member(peer, "name", f"{path}."), f"{path}.name"),
        key=values.public_key(member(peer, "key", f"{path}."), f"{path}.key"),
        user=_user(peer.get("user"), f"{path}.user"),
        tags=frozenset(listed("tags", values.text)),
        addresses=listed("addresses", values.address),
        allowed_ips=listed("allowed_ips", values.mesh_prefix),
        exit_node=values.boolean(peer.get("exit_node", False), f"{path}.exit_node"),
        endpoints=listed("endpoints", values.endpoint),
        online=values.boolean(peer.get("online", False), f"{path}.online"),
        last_seen=values.instant(peer.get("last_seen"), f"{path}.last_seen"),
        key_expires_at=values.instant(peer.get("key_expires_at"), f"{path}.key_expires_at"),
    )


def _user(value: Any, path: str) -> int | None:
    return None if value is None else values.integer(value, path)


def _set(value: Any, path: str) -> NodeSet:
    spelled = values.an_object(value, path)
    return NodeSet(
        users=frozenset(values.a_list(spelled.get("users", []), f"{path}.users", values.integer)),
        tags=frozenset(values.a_list(spelled.get("tags", []), f"{path}.tags", values.text)),
        ids=values.a_list(spelled.get("ids", []), f"{path}.ids", values.number_range),
        prefixes=values.a_list(spelled.get("prefixes", []), f"{path}.prefixes", values.prefix),
    )


def _rule(value: Any, path: str) -> FilterRule:
    rule = values.an_object(value, path)
    action = member(rule, "action", f"{path}.")
    if action not in ("accept", "deny"):
        raise refused(f"{path}.action", "is neither accept nor deny")
    protocols = values.a_list(member(rule, "protocols", f"{path}."), f"{path}.protocols", _protocol)
    if not protocols:
        raise refused(f"{path}.protocols", "is empty")
    return FilterRule(
        accept=action == "accept",
        protocols=protocols,
        sources=values.a_list(member(rule, "sources", f"{path}."), f"{path}.sources", _source),
        destinations=values.a_list(member(rule, "destinations", f"{path}."), f"{path}.destinations", _destination),
    )


def _protocol(value: Any, path: str) -> int:
    return values.integer(value, path, high=255)


def _source(value: Any, path: str) -> Prefix | SetRef:
    if value == "*":
        return SetRef("*")
    if isinstance(value, str) and value.startswith("set:"):
        return SetRef(value.removeprefix("set:"))
    return values.prefix(value, path)


def _destination(value: Any, path: str) -> Destination:
    destination = values.an_object(value, path)
    spelled = member(destination, "prefix", f"{path}.")
    return Destination(
        prefix=None if spelled == "self" else values.prefix(spelled, f"{path}.prefix"),
        ports=values.a_list(member(destination, "ports", f"{path}."), f"{path}.ports", _ports),
    )


def _ports(value: Any, path: str) -> tuple[int, int]:
    return values.number_range(value, path, high=_MAX_PORT)


def _check_peers(node: SelfNode, own_key: str, peers: tuple[Peer, ...]) -> None:
    """What must differ between nodes does. WireGuard would let the last of two claims on a prefix win, silently."""
    ids: set[int] = {node.id}
    keys: set[str] = {own_key}
    names: set[str] = {node.name}
    prefixes: set[Prefix] = set(node.addresses)
    for index, peer in enumerate(peers):
        path = f"peers.{index}"
        if peer.id in ids:
            raise refused(f"{path}.id", "stands twice")
        if peer.key in keys:
            raise refused(f"{path}.key", "stands twice")
        if peer.name in names:
            raise refused(f"{path}.name", "stands twice")
        ids.add(peer.id)
        keys.add(peer.key)
        names.add(peer.name)
        for prefix in peer.allowed_ips:
            if prefix in prefixes:
                raise refused(f"{path}.allowed_ips", f"claims {prefix}, which another node has")
            prefixes.add(prefix)


def _check_sources(rules: tuple[FilterRule, ...], sets: dict[str, NodeSet]) -> None:
    """A rule that names a set which is not there would deny nobody, or accept nobody: neither was meant."""
    for index, rule in enumerate(rules):
        for source in rule.sources:
            if isinstance(source, SetRef) and source.name not in sets:
                raise refused(f"packet_filter.{index}.sources", f"names the set {source.name}, which is missing")
