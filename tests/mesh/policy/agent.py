"""An agent's side of the packet filter, as the agent protocol describes it: sets resolved over peers, first match."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from mesh.compile import CompiledPolicy
from mesh.policy import Address, PolicyNode, Prefix


class Agent:
    """Enforces the filter that ``compiled`` sends to ``node``."""

    def __init__(self, compiled: CompiledPolicy, node: PolicyNode) -> None:
        self.node = node
        self.filter, names = compiled.filter_of(node.id)
        self.sets = {name: compiled.set_of(name) for name in names}
        self.peers = [peer for ident in compiled.peers_of(node.id) if (peer := compiled.node(ident)) is not None]
        known = {node.id, *(peer.id for peer in self.peers)}
        self.strangers = {item for other in compiled.facts.nodes if other.id not in known for item in other.addresses}

    def resolve(self, source: str) -> list[Prefix]:
        if source == "*":
            return [ip_network(item) for item in self.sets["*"]["prefixes"]]
        if not source.startswith("set:"):
            return [ip_network(source)]
        members = self.sets[source.removeprefix("set:")]
        found = [ip_network(item) for item in members["prefixes"]]
        for peer in self.peers:
            if self.is_member(peer, members):
                found.extend(ip_network(address) for address in peer.addresses)
        return found

    @staticmethod
    def is_member(peer: PolicyNode, members: dict[str, Any]) -> bool:
        return (
            (not peer.tags and peer.user is not None and peer.user in members["users"])
            or bool(peer.tags.intersection(members["tags"]))
            or any(first <= peer.id <= last for first, last in members["ids"])
        )

    def lets_in(self, source: Address, destination: Address, protocol: int, port: int) -> bool:
        """Whether a packet passes, on its way to the node or through it. WireGuard takes none from who is no peer."""
        if source in self.strangers:
            return False
        for rule in self.filter:
            if protocol not in rule["protocols"]:
                continue
            if not any(source in prefix for item in rule["sources"] for prefix in self.resolve(item)):
                continue
            for target in rule["destinations"]:
                prefix = target["prefix"]
                hit = destination in self.node.addresses if prefix == "self" else destination in ip_network(prefix)
                ported = protocol not in (6, 17, 132) or any(low <= port <= high for low, high in target["ports"])
                if hit and ported:
                    return bool(rule["action"] == "accept")
        return False
