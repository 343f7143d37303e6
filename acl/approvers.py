"""Who may have routes approved without a person, by the policy's auto approvers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from mesh.policy import Policy, RouteApprover, Selector, SelectorKind, flatten_groups, is_default_route


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom a node belongs to: its tags, else its user. ``node_id`` tells it from others of the same owner."""

    node_id: int
    user: int | None
    tags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Approvers:
    """The auto approvers of a policy, with its groups resolved once."""

    routes: tuple[RouteApprover, ...]
    exits: tuple[Selector, ...]
    groups: Mapping[str, Collection[int]]

    def approve(self, owner: Owner, prefix: str) -> bool:
        """Whether the policy approves this route of this node. Default routes are for exit approvers alone."""
        network = ip_network(prefix)
        if is_default_route(network):
            return any(self._is(owner, selector) for selector in self.exits)
        return any(
            _within(network, item.prefix) and any(self._is(owner, selector) for selector in item.approvers)
            for item in self.routes
        )

    def _is(self, owner: Owner, selector: Selector) -> bool:
        # A tagged node belongs to its tags and no longer to its user.
        user = None if owner.tags else owner.user
        match selector.kind:
            case SelectorKind.TAG:
                found = selector.name in owner.tags
            case SelectorKind.TAGGED:
                found = bool(owner.tags)
            case SelectorKind.NODE:
                found = selector.ident == owner.node_id
            case SelectorKind.MEMBER:
                found = not owner.tags
            case SelectorKind.USER:
                found = user is not None and selector.ident == user
            case SelectorKind.GROUP:
                found = user is not None and user in self.groups.get(selector.name, ())
            case _:
                found = selector.kind is SelectorKind.ANY
        return found


def approvers_of(policy: Policy) -> Approvers:
    """The auto approvers of ``policy``."""
    return Approvers(policy.route_approvers, policy.exit_approvers, flatten_groups(policy.group_table()))


def _within(network: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    return (
        network.version == outer.version
        and network.prefixlen >= outer.prefixlen
        and network.network_address in outer
    )  # fmt: skip
