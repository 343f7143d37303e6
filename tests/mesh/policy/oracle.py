"""The naive oracle: "Decision" of the access-control design written down word for word, node by node, no classes.

It shares values with the engine and none of its machinery. It is slow on purpose: it tries every address of every
route, and every port at which anything could change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

from mesh.policy import (
    Action,
    Address,
    NetworkFacts,
    Policy,
    PolicyNode,
    Prefix,
    Rule,
    Selector,
    SelectorKind,
    is_open,
)
from mesh.policy.conditions import assess_conditions

INTERNET_SAMPLES = (ip_address("8.8.8.8"), ip_address("2600::1"))
PORTED = (6, 17, 132)


@dataclass(frozen=True)
class End:
    """One end of a flow: an address, the node it belongs to or is reached through, and how."""

    node: PolicyNode
    address: Address
    how: str  # own, route or internet


def ends_of(node: PolicyNode, *, destination: bool) -> Iterator[End]:
    """Every address that traffic of ``node`` can come from or go to."""
    for address in node.addresses:
        yield End(node, address, "own")
    for route in node.routes:
        if route.prefixlen:
            for address in route:
                yield End(node, address, "route")
        elif destination:
            yield from (End(node, item, "internet") for item in INTERNET_SAMPLES if item.version == route.version)


class Oracle:
    """Answers for one policy, one network and one instant."""

    def __init__(self, policy: Policy, facts: NetworkFacts, at: datetime) -> None:
        self.policy = policy
        self.nodes = {node.id: node for node in facts.nodes}
        self.rules = sorted((rule for rule in policy.rules if rule.enabled), key=lambda rule: rule.position)
        self.rules = [rule for rule in self.rules if self._open(rule, at)]
        self.hosts: dict[str, Prefix] = {host.name: host.prefix for host in policy.hosts}
        self.groups = {group.name: group for group in policy.groups}

    @staticmethod
    def _open(rule: Rule, at: datetime) -> bool:
        opened = is_open(rule.schedule, at)
        return rule.action is Action.DENY if opened is None else opened

    def in_group(self, user: int, name: str) -> bool:
        group = self.groups.get(name)
        return group is not None and (user in group.users or any(self.in_group(user, item) for item in group.groups))

    def matches(self, selector: Selector, end: End) -> bool:  # noqa: PLR0911 - word for word
        """Whether a selector (other than autogroup:self) matches an end."""
        prefix = self.hosts.get(selector.name) if selector.kind is SelectorKind.HOST else selector.prefix
        if end.how == "internet":
            return selector.kind is SelectorKind.INTERNET
        if selector.kind is SelectorKind.INTERNET:
            return False
        if selector.kind in (SelectorKind.HOST, SelectorKind.PREFIX):
            return prefix is not None and end.address in prefix
        if selector.kind is SelectorKind.ANY:
            return True
        if end.how == "route":
            return False
        node = end.node
        if selector.kind is SelectorKind.NODE:
            return node.id == selector.ident
        if node.tags:
            return selector.kind is SelectorKind.TAGGED or (
                selector.kind is SelectorKind.TAG and selector.name in node.tags
            )
        if selector.kind is SelectorKind.MEMBER:
            return True
        if node.user is None:
            return False
        if selector.kind is SelectorKind.USER:
            return node.user == selector.ident
        return selector.kind is SelectorKind.GROUP and self.in_group(node.user, selector.name)

    def is_self(self, source: End, destination: End) -> bool:
        one, other = source.node, destination.node
        return (
            source.how == destination.how == "own"
            and not one.tags
            and not other.tags
            and one.user is not None
            and one.user == other.user
        )

    def conditions_hold(self, rule: Rule, source: End) -> bool:
        if not rule.conditions:
            return True
        verdict = assess_conditions(rule.conditions, source.node) if source.how == "own" else None
        return rule.action is Action.DENY if verdict is None else verdict

    def speaks_of(self, rule: Rule, protocol: int, port: int) -> bool:
        protocols = rule.protocols
        if not protocols:
            protocols = (1, 6, 17, 58)
            if rule.action is Action.DENY and rule.ports:
                protocols = (6, 17)
        if protocol not in protocols:
            return False
        if protocol not in PORTED or not rule.ports:
            return True
        return any(item.first <= port <= item.last for item in rule.ports)

    def decide(self, source: End, destination: End, protocol: int, port: int) -> bool:
        """Whether the flow is accepted: the first rule that matches decides, and without any it is denied."""
        if source.address.version != destination.address.version:
            return False
        for rule in self.rules:
            if not self.speaks_of(rule, protocol, port) or not self.conditions_hold(rule, source):
                continue
            if not any(self.matches(item, source) for item in rule.sources):
                continue
            if any(
                self.is_self(source, destination) if item.kind is SelectorKind.SELF else self.matches(item, destination)
                for item in rule.destinations
            ):
                return rule.action is Action.ACCEPT
        return False

    def flows(self) -> list[tuple[int, int]]:
        """Every (protocol, port) at which anything could change."""
        ports = {0, 65535}
        protocols = {1, 6, 17, 58, 99}
        for rule in self.rules:
            protocols.update(rule.protocols)
            for item in rule.ports:
                ports.update((item.first, item.last, min(item.last + 1, 65535), max(item.first - 1, 0)))
        return [
            (protocol, port)
            for protocol in sorted(protocols)
            for port in (sorted(ports) if protocol in PORTED else [0])
        ]

    def accepts_any(self, source: End, destination: End) -> bool:
        return any(self.decide(source, destination, *flow) for flow in self.flows())

    def reaches(self, one: PolicyNode, other: PolicyNode) -> bool:
        return any(
            self.accepts_any(source, destination)
            for source in ends_of(one, destination=False)
            for destination in ends_of(other, destination=True)
        )

    def sees(self, one: PolicyNode, other: PolicyNode) -> bool:
        """Visibility: at least one flow in either direction."""
        return one.id != other.id and (self.reaches(one, other) or self.reaches(other, one))

    def route_between(self, viewer: PolicyNode, router: PolicyNode, route: Prefix) -> bool:
        """Whether the viewer, or a route of it, may reach ``route`` or be reached from it."""
        hosts = [End(router, address, "route") for address in route]
        return any(self.accepts_any(end, host) for end in ends_of(viewer, destination=False) for host in hosts) or any(
            self.accepts_any(host, end) for end in ends_of(viewer, destination=True) for host in hosts
        )

    def exit_between(self, viewer: PolicyNode, router: PolicyNode) -> bool:
        exits = [end for end in ends_of(router, destination=True) if end.how == "internet"]
        return any(self.accepts_any(end, host) for end in ends_of(viewer, destination=False) for host in exits)
