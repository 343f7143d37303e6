"""Auto approvers: whose routes count as approved without a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from mesh.policy.facts import PolicyNode, Prefix, is_default_route
from mesh.policy.groups import flatten_groups
from mesh.policy.policy import Policy, RouteApprover
from mesh.policy.selectors import Selector, SelectorKind


@dataclass(frozen=True, slots=True)
class Approval:
    """The auto approvers of a policy, with its groups resolved once."""

    routes: tuple[RouteApprover, ...]
    exits: tuple[Selector, ...]
    groups: Mapping[str, Collection[int]]

    def approves(self, node: PolicyNode, route: Prefix) -> bool:
        """Whether this route of this node is approved. Default routes are for exit approvers alone; any other must lie
        inside a prefix that the node is an approver of."""
        if is_default_route(route):
            return any(self.names(selector, node) for selector in self.exits)
        return any(
            _inside(route, item.prefix) and any(self.names(selector, node) for selector in item.approvers)
            for item in self.routes
        )

    def names(self, selector: Selector, node: PolicyNode) -> bool:
        """Whether ``selector`` names ``node``. A tagged node belongs to its tags and no longer to its user."""
        if selector.kind is SelectorKind.NODE:
            return selector.ident == node.id
        if node.tags:
            named = selector.kind is SelectorKind.TAG and selector.name in node.tags
            return named or selector.kind in (SelectorKind.ANY, SelectorKind.TAGGED)
        return selector.kind in (SelectorKind.ANY, SelectorKind.MEMBER) or self._names_user(selector, node.user)

    def _names_user(self, selector: Selector, user: int | None) -> bool:
        if user is None:
            return False
        if selector.kind is SelectorKind.USER:
            return selector.ident == user
        return selector.kind is SelectorKind.GROUP and user in self.groups.get(selector.name, ())


def approval_of(policy: Policy) -> Approval:
    """The auto approvers of ``policy``."""
    return Approval(policy.route_approvers, policy.exit_approvers, flatten_groups(policy.group_table()))


def _inside(route: Prefix, outer: Prefix) -> bool:
    return route.version == outer.version and route.prefixlen >= outer.prefixlen and route.network_address in outer
