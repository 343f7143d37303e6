"""Routes that the policy approves by itself: granted, marked as such, and taken back when it would not any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from typing import Any

from django.db.models import Exists, OuterRef, Q

from acl.models import AutoApproval, AutoApprover
from acl.selectors.policy import load_policy
from mesh.policy import Policy, PolicyNode
from mesh.policy.approval import approval_of
from nodes.models import Network, NodeTag, Route
from nodes.services.routes import elect_primaries


@dataclass(frozen=True, slots=True)
class ApprovalPlan:
    """What a policy makes of the approvals of routes.

    ``grant``: routes that it approves; ``withdraw``: those whose approval was its own and goes; ``note``: those that it
    would approve and a person did before it. Marks by id: ``leave`` to a person what a person took back, ``drop`` what
    the policy would not approve any more.
    """

    grant: tuple[Route, ...] = ()
    withdraw: tuple[Route, ...] = ()
    note: tuple[Route, ...] = ()
    leave: tuple[int, ...] = ()
    drop: tuple[int, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.grant or self.withdraw or self.note or self.leave or self.drop)


def plan_approvals(
    *,
    network_id: int,
    policy: Policy,
    node_ids: Iterable[int] | None = None,
    as_if: Mapping[int, PolicyNode] | None = None,
) -> ApprovalPlan:
    """What ``policy`` would change about the approvals of routes, of all nodes or of some; writes nothing. ``as_if``
    has nodes as they may come to be, by id: for questions.

    What a person approved stays, and what a person took back is not given again while the policy would give it: neither
    when the router withdraws the route and offers it anew.
    """
    approval = approval_of(policy)
    present = AutoApproval.objects.filter(node__network_id=network_id)
    wanted = Q(Exists(present.filter(node=OuterRef("node"), prefix=OuterRef("prefix"))))
    if approval.routes or approval.exits:
        wanted |= Q(advertised=True)
    routes = Route.objects.filter(wanted, network_id=network_id)
    if node_ids is not None:
        chosen = list(node_ids)
        routes, present = routes.filter(node_id__in=chosen), present.filter(node_id__in=chosen)
    rows = {(route.node_id, route.prefix): route for route in routes.select_related("node").order_by("pk")}
    marks = {(mark.node_id, mark.prefix): mark for mark in present.select_related("node").order_by("pk")}
    owners = _owners([*rows.values(), *marks.values()]) | dict(as_if or {})
    found: dict[str, list[Any]] = defaultdict(list)
    for key in dict.fromkeys((*rows, *marks)):
        route, mark = rows.get(key), marks.get(key)
        verdict = _verdict(route, mark, wants=approval.approves(owners[key[0]], ip_network(key[1])))
        if verdict in ("grant", "withdraw", "note"):
            found[verdict].append(route)
        if mark is not None and verdict in ("leave", "drop", "withdraw"):
            found["leave" if verdict == "leave" else "drop"].append(mark.pk)
    return ApprovalPlan(**{name: tuple(items) for name, items in found.items()})


def _verdict(route: Route | None, mark: AutoApproval | None, *, wants: bool) -> str:
    """What becomes of a route: the name of a member of the plan, or nothing. ``wants``: the policy approves it."""
    if not wants:
        if mark is None:
            return ""
        return "withdraw" if mark.given and route is not None and route.approved else "drop"
    if mark is not None:
        # A row goes with its last reason to be there: without one there is no approval either.
        return "leave" if mark.given and (route is None or not route.approved) else ""
    if route is None or not route.advertised:
        return ""
    return "note" if route.approved else "grant"


def apply_approvals(*, network: Network, plan: ApprovalPlan, now: datetime) -> set[int]:
    """Does what ``plan`` says, under the network's lock. Returns the ids of the nodes whose facts differ since."""
    if plan.is_empty:
        return set()
    withdrawn = [route.pk for route in plan.withdraw]
    Route.objects.filter(pk__in=[route.pk for route in plan.grant]).update(approved=True)
    AutoApproval.objects.bulk_create(
        AutoApproval(node_id=route.node_id, prefix=route.prefix, given=given, created_at=now)
        for given, routes in ((True, plan.grant), (False, plan.note))
        for route in routes
    )
    Route.objects.filter(pk__in=withdrawn).update(approved=False, primary=False)
    AutoApproval.objects.filter(pk__in=plan.leave).update(given=False)
    AutoApproval.objects.filter(pk__in=plan.drop).delete()
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
    marked = AutoApproval.objects.filter(node__network=network)
    if not AutoApprover.objects.filter(network=network).exists() and not marked.exists():
        return set()
    plan = plan_approvals(network_id=network.pk, policy=load_policy(network.pk), node_ids=node_ids)
    return apply_approvals(network=network, plan=plan, now=now)


def _owners(routes: Iterable[Route | AutoApproval]) -> dict[int, PolicyNode]:
    """The nodes of routes and marks with whom they belong to, which is all that approvers look at."""
    nodes = {route.node_id: route.node for route in routes}
    tags: dict[int, set[str]] = defaultdict(set)
    for node_id, tag in NodeTag.objects.filter(node_id__in=nodes).values_list("node_id", "tag"):
        tags[node_id].add(tag)
    return {
        node.pk: PolicyNode(node.pk, node.name, None if node.tagged else node.owner_id, frozenset(tags[node.pk]))
        for node in nodes.values()
    }
