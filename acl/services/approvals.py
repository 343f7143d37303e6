"""Routes that the policy approves by itself: granted, marked as such, and taken back when it would not any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network

from django.db.models import Q

from acl.models import AutoApproval, AutoApprover
from acl.selectors.policy import load_policy
from mesh.policy import Policy, PolicyNode
from mesh.policy.approval import approval_of
from nodes.models import Network, NodeTag, Route
from nodes.services.routes import elect_primaries


@dataclass(frozen=True, slots=True)
class ApprovalPlan:
    """Which routes a policy approves that are not, and which approvals of its own it takes back.

    ``unmark`` are routes whose mark goes without an approval to take back: a person had done so before.
    """

    grant: tuple[Route, ...] = ()
    withdraw: tuple[Route, ...] = ()
    unmark: tuple[Route, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.grant or self.withdraw or self.unmark)


def plan_approvals(*, network_id: int, policy: Policy, node_ids: Iterable[int] | None = None) -> ApprovalPlan:
    """What ``policy`` would change about the approvals of routes, of all nodes or of some; writes nothing.

    What a person approved stays, and what a person took back is not given again while the policy would give it.
    """
    approval = approval_of(policy)
    wanted = Q(auto_approval__isnull=False)
    if approval.routes or approval.exits:
        wanted |= Q(advertised=True)
    routes = Route.objects.filter(wanted, network_id=network_id).select_related("node", "auto_approval")
    if node_ids is not None:
        routes = routes.filter(node_id__in=list(node_ids))
    rows = list(routes.order_by("pk"))
    owners = _owners(rows)
    grant: list[Route] = []
    withdraw: list[Route] = []
    unmark: list[Route] = []
    for route in rows:
        approved = approval.approves(owners[route.node_id], ip_network(route.prefix))
        is_marked = hasattr(route, "auto_approval")
        if approved and not is_marked and route.advertised and not route.approved:
            grant.append(route)
        elif is_marked and not approved:
            (withdraw if route.approved else unmark).append(route)
    return ApprovalPlan(tuple(grant), tuple(withdraw), tuple(unmark))


def apply_approvals(*, network: Network, plan: ApprovalPlan, now: datetime) -> set[int]:
    """Does what ``plan`` says, under the network's lock. Returns the ids of the nodes whose facts differ since."""
    if plan.is_empty:
        return set()
    granted = [route.pk for route in plan.grant]
    withdrawn = [route.pk for route in plan.withdraw]
    Route.objects.filter(pk__in=granted).update(approved=True)
    AutoApproval.objects.bulk_create([AutoApproval(route_id=pk, created_at=now) for pk in granted])
    Route.objects.filter(pk__in=withdrawn).update(approved=False, primary=False)
    AutoApproval.objects.filter(route__in=[*withdrawn, *(route.pk for route in plan.unmark)]).delete()
    # Kept for its approval alone, as its router did not offer it any more.
    Route.objects.filter(pk__in=withdrawn, advertised=False).delete()
    touched = (*plan.grant, *plan.withdraw)
    moved = elect_primaries(network=network, prefixes={route.prefix for route in touched})
    return {route.node_id for route in touched} | moved


def approve_routes(*, network: Network, node_ids: Iterable[int], now: datetime) -> set[int]:
    """Approves what some nodes advertise as the policy in force says, and takes back what it does not approve any more.

    For registrations, new routes and new owners: under the network's lock, before the caller records its change.
    Returns the ids of the nodes whose facts differ since. Raises ValidationError if the policy cannot be read.
    """
    marked = AutoApproval.objects.filter(route__network=network)
    if not AutoApprover.objects.filter(network=network).exists() and not marked.exists():
        return set()
    plan = plan_approvals(network_id=network.pk, policy=load_policy(network.pk), node_ids=node_ids)
    return apply_approvals(network=network, plan=plan, now=now)


def _owners(routes: Iterable[Route]) -> dict[int, PolicyNode]:
    """The nodes of ``routes`` with whom they belong to, which is all that approvers look at."""
    nodes = {route.node_id: route.node for route in routes}
    tags: dict[int, set[str]] = defaultdict(set)
    for node_id, tag in NodeTag.objects.filter(node_id__in=nodes).values_list("node_id", "tag"):
        tags[node_id].add(tag)
    return {
        node.pk: PolicyNode(node.pk, node.name, None if node.tagged else node.owner_id, frozenset(tags[node.pk]))
        for node in nodes.values()
    }
