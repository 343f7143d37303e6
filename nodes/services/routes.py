"""Subnet routes and exit nodes: what a node offers, what an administrator approves, who is primary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network

from django.db import transaction
from django.db.models import Q

from mesh.addressing import pack
from mesh.change import Cause, ChangeKind
from mesh.errors import FieldError, NotFoundError, ValidationError
from nodes.changes import lock_node, record_change
from nodes.facts import node_facts
from nodes.models import Network, Node, Route

MAX_ROUTES = 256
DEFAULT_ROUTES = ("0.0.0.0/0", "::/0")
# IPv4 written as IPv6 (RFC 4291 section 2.5.5.2): a second name for addresses that have one already.
MAPPED = IPv6Network("::ffff:0:0/96")


def parse_prefixes(network: Network, prefixes: Sequence[str], *, field: str = "routes") -> list[str]:
    """Checks CIDRs that a node wishes to serve and returns them in normal form, without doubles.

    Raises ValidationError naming each at fault: no CIDR, host bits set, more than 256, within the mesh itself, or
    loopback, link-local, multicast, IPv4 written as IPv6, or bound to a zone of one machine.
    """
    if len(prefixes) > MAX_ROUTES:
        raise ValidationError("Too many routes.", errors=(FieldError(field, f"At most {MAX_ROUTES} routes."),))
    mesh = [ip_network(text) for text in (network.ipv4_range, network.ipv6_range) if text]
    parsed: dict[str, None] = {}
    errors = []
    for index, text in enumerate(prefixes):
        try:
            prefix = ip_network(text)
        except ValueError as error:
            errors.append(FieldError(f"{field}.{index}", f"{error}."))
            continue
        reason = "A route has no zone." if "%" in text else _why_refused(prefix, mesh)
        if reason is not None:
            errors.append(FieldError(f"{field}.{index}", reason))
        parsed[str(prefix)] = None
    if errors:
        raise ValidationError("A route is refused.", errors=tuple(errors))
    return list(parsed)


def write_advertised_routes(*, network: Network, node: Node, prefixes: Sequence[str]) -> bool:
    """Makes ``prefixes`` the routes that ``node`` advertises; returns whether anything differs.

    An approval outlives a withdrawal, so a router that comes back needs no second one. Who is primary is another
    question: ``elect_primaries``.
    """
    wanted = parse_prefixes(network, prefixes)
    rows = {route.prefix: route for route in node.routes.all()}
    changed = False
    for prefix in wanted:
        row = rows.get(prefix)
        if row is None:
            parsed = ip_network(prefix)
            first, last = pack(parsed.network_address), pack(parsed.broadcast_address)
            Route.objects.create(network=network, node=node, prefix=prefix, first=first, last=last)
            changed = True
        elif not row.advertised:
            Route.objects.filter(pk=row.pk).update(advertised=True)
            changed = True
    for prefix, row in rows.items():
        if prefix in wanted:
            continue
        if row.approved and row.advertised:
            Route.objects.filter(pk=row.pk).update(advertised=False, primary=False)
            changed = True
        elif not row.approved:
            row.delete()
            changed = True
    return changed


def prefixes_of(node_ids: Iterable[int]) -> list[str]:
    """The prefixes that any of these nodes stands for: those that need a new election when the nodes come or go."""
    routes = Route.objects.filter(node_id__in=list(node_ids)).order_by()
    return list(routes.values_list("prefix", flat=True).distinct())


def elect_primaries(*, network: Network, prefixes: Iterable[str]) -> set[int]:
    """Chooses the router of each of ``prefixes`` among those in force: one that is online before one that is silent,
    then the present primary, then the lowest node id.

    So a router that comes back does not take its prefix from the standby that serves it, and two that come and go by
    turns hand it over no more often than one of them falls silent for a whole grace period.

    Every exit node is primary for itself: which one to use is each agent's choice. Returns the ids of the nodes that
    won or lost a prefix: their facts belong into the change that is being recorded.
    """
    wanted = set(prefixes)
    if not wanted:
        return set()
    routes = Route.objects.filter(network=network, prefix__in=wanted)
    in_force = routes.filter(
        Q(node__owner=None) | Q(node__owner__is_active=True),
        advertised=True,
        approved=True,
        node__state=Node.State.ACTIVE,
        node__login_required=False,
    )
    chosen: dict[int, int] = {}
    served: set[str] = set()
    order = ("prefix", "-node__online", "-primary", "node_id")
    candidates = in_force.order_by(*order).values_list("pk", "prefix", "node_id")
    for pk, prefix, node_id in candidates:
        if prefix in DEFAULT_ROUTES or prefix not in served:
            served.add(prefix)
            chosen[pk] = node_id
    present = dict(routes.filter(primary=True).values_list("pk", "node_id"))
    lost, won = present.keys() - chosen.keys(), chosen.keys() - present.keys()
    # First down, then up: a prefix never has two primaries, also not between two statements.
    Route.objects.filter(pk__in=lost).update(primary=False)
    Route.objects.filter(pk__in=won).update(primary=True)
    return {present[pk] for pk in lost} | {chosen[pk] for pk in won}


@transaction.atomic
def replace_routes(
    *,
    node_id: int,
    prefixes: Sequence[str],
    cause: Cause,
    now: datetime,
    approve: Callable[[Network, Node], set[int]] | None = None,
) -> list[str]:
    """Sets the routes that a node advertises and returns them in normal form. Raises ValidationError, NotFoundError.

    ``approve`` decides without a person, by what floors above know; it returns the ids of nodes whose routes moved.
    """
    network, node = lock_node(node_id)
    before = prefixes_of([node.pk])
    if write_advertised_routes(network=network, node=node, prefixes=prefixes):
        moved = elect_primaries(network=network, prefixes={*before, *prefixes_of([node.pk])})
        if approve is not None:
            moved |= approve(network, node)
        _record(network, {node.pk, *moved}, cause, now)
    return list(node.routes.filter(advertised=True).order_by("first", "prefix").values_list("prefix", flat=True))


@transaction.atomic
def set_route_approval(*, node_id: int, prefixes: Sequence[str], approved: bool, cause: Cause, now: datetime) -> None:
    """Approves routes that a node advertises, or withdraws the approval.

    Raises NotFoundError if the node does not exist or does not have one of the ``prefixes``.
    """
    network, node = lock_node(node_id)
    rows = {route.prefix: route for route in node.routes.all()}
    unknown = [prefix for prefix in prefixes if prefix not in rows]
    if unknown:
        raise NotFoundError(f"{node.name} does not advertise {', '.join(unknown)}.")
    changed = [rows[prefix].pk for prefix in prefixes if rows[prefix].approved != approved]
    if not changed:
        return
    if approved:
        Route.objects.filter(pk__in=changed).update(approved=True)
    else:
        Route.objects.filter(pk__in=changed).update(approved=False, primary=False)
        Route.objects.filter(pk__in=changed, advertised=False).delete()
    moved = elect_primaries(network=network, prefixes=prefixes)
    _record(network, {node.pk, *moved}, cause, now)


def _record(network: Network, node_ids: Iterable[int], cause: Cause, now: datetime) -> None:
    facts = node_facts(network.pk, node_ids)
    record_change(network=network, kind=ChangeKind.NODES, facts=facts, cause=cause, now=now)


def _why_refused(prefix: IPv4Network | IPv6Network, mesh: Sequence[IPv4Network | IPv6Network]) -> str | None:
    if prefix.prefixlen == 0:
        return None
    if prefix.is_loopback or prefix.is_link_local or prefix.is_multicast or prefix.is_unspecified:
        return f"{prefix} cannot be routed."
    if prefix.version == 6 and prefix.overlaps(MAPPED):
        return f"{prefix} holds IPv4 addresses written as IPv6: write them as IPv4."
    # A route that covers the mesh, or a part of it, would draw the traffic of other nodes to its router.
    if any(prefix.version == own.version and prefix.overlaps(own) for own in mesh):
        return f"{prefix} overlaps the addresses of the mesh."
    return None
