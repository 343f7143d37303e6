"""Filters written out: sets and ``self`` resolved to addresses, for people and for comparing."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any

from mesh.compile.compiled import CompiledPolicy
from mesh.compile.filters import OWN_ADDRESSES, single
from mesh.compile.sets import EVERYTHING
from mesh.policy.facts import PolicyNode, Prefix


def expanded_filter(compiled: CompiledPolicy, node_id: int) -> list[dict[str, Any]]:
    """The packet filter of a node with every source and destination as prefixes, sorted.

    Sources are what the sets stand for in the whole network, whether or not the node sees it; rules whose sources stand
    for nothing are left out.
    """
    node = compiled.node(node_id)
    if node is None:
        return []
    rules = []
    for rule in compiled.filter_of(node_id)[0]:
        sources = _sorted(prefix for source in rule["sources"] for prefix in _source(compiled, source))
        if sources:
            rules.append(
                {
                    "action": rule["action"],
                    "protocols": list(rule["protocols"]),
                    "sources": sources,
                    "destinations": [
                        {"prefix": prefix, "ports": [list(ports) for ports in item["ports"]]}
                        for item in rule["destinations"]
                        for prefix in _destination(item["prefix"], node)
                    ],
                }
            )
    return rules


def _source(compiled: CompiledPolicy, source: str) -> Iterable[Prefix]:
    if source != EVERYTHING and not source.startswith("set:"):
        return [ip_network(source)]
    members = compiled.set_of(source.removeprefix("set:"))
    found = {ip_network(prefix) for prefix in members["prefixes"]}
    ids = {ident for first, last in members["ids"] for ident in range(first, last + 1)}
    for user in members["users"]:
        ids.update(compiled.world.of(user))
    for tag in members["tags"]:
        ids.update(compiled.world.tagged_with(tag))
    for ident in ids:
        node = compiled.node(ident)
        found.update(single(address) for address in (node.addresses if node is not None else ()))
    return found


def _destination(prefix: str, node: PolicyNode) -> list[str]:
    return [str(single(address)) for address in node.addresses] if prefix == OWN_ADDRESSES else [prefix]


def _sorted(prefixes: Iterable[Prefix]) -> list[str]:
    return [
        str(prefix) for prefix in sorted(set(prefixes), key=lambda item: (item.version, int(item[0]), item.prefixlen))
    ]
