"""Rows that the palette finds: each search is one bounded query, and its few lines' particulars."""

from __future__ import annotations

import re
from typing import Final

from django.db.models import BooleanField, Case, Q, QuerySet, Value, When
from django.urls import reverse

from acl.models import AclRule, Group, Host
from coordinator.finding.search import prefix_span, search_nodes
from nodes.models import Address, Node, Route
from nodes.services.routes import DEFAULT_ROUTES
from portal.palette.found import MOST, Found
from sessions_app.models import User

_NUMBER: Final = re.compile(r"(?:rule\s*)?#?(\d{1,6})", re.IGNORECASE | re.ASCII)


def nodes(term: str) -> list[Found]:
    """Nodes by name, owner, tag or key, names that begin so first; an address or CIDR finds who holds it."""
    rows = Node.objects.select_related("owner").prefetch_related("tags", "addresses")
    span = prefix_span(term)
    if span is not None:
        held = Address.objects.filter(packed__range=span, node__isnull=False).order_by("packed")
        order = list(held.values_list("node_id", flat=True)[:MOST])
        found = rows.in_bulk(order)
        return [_node(found[pk]) for pk in dict.fromkeys(order) if pk in found]
    first = Case(When(name__startswith=term.lower(), then=Value(False)), default=True, output_field=BooleanField())
    return [_node(row) for row in search_nodes(rows, term).order_by(first, "name", "pk")[:MOST]]


def _node(node: Node) -> Found:
    belongs = [str(node.owner)] if node.owner else [str(tag) for tag in node.tags.all()[:3]]
    words = [*map(str, node.addresses.all()), *belongs]
    return Found(node.name, " · ".join(words), reverse("admin:nodes_node_change", args=[node.pk]), "dns")


def routes(term: str) -> list[Found]:
    """Approved routes that an address or CIDR falls into, or that fall into it; the narrowest first."""
    span = prefix_span(term)
    if span is None:
        return []
    rows = Route.objects.filter(approved=True, first__lte=span[1], last__gte=span[0]).exclude(first="")
    if "/" not in term or term not in DEFAULT_ROUTES:
        rows = rows.exclude(prefix__in=DEFAULT_ROUTES)
    rows = rows.select_related("node").order_by("-first", "last", "-primary", "pk")[:MOST]
    return [
        Found(
            row.prefix,
            f"through {row.node.name}" + ("" if row.advertised else ", not offered now"),
            reverse("admin:nodes_route_change", args=[row.pk]),
            "alt_route",
        )
        for row in rows
    ]


def users(term: str) -> list[Found]:
    """People by the beginning of a login or of any part of a name."""
    fits = Q(username__istartswith=term) | Q(display_name__istartswith=term) | Q(display_name__icontains=f" {term}")
    rows = User.objects.filter(fits).order_by("username")[:MOST]
    return [
        Found(
            row.display_name or row.username,
            f"{row.username} · {row.get_role_display()}" + ("" if row.is_active else " · disabled"),
            reverse("admin:sessions_app_user_change", args=[row.pk]),
            "person",
        )
        for row in rows
    ]


def rules(term: str) -> list[Found]:
    """Rules by name, comment or number (``3``, ``rule 3``), the number first."""
    number = _NUMBER.fullmatch(term)
    if number is not None:
        rows: QuerySet[AclRule] = AclRule.objects.filter(position=int(number[1]))
    else:
        rows = AclRule.objects.filter(Q(name__icontains=term) | Q(comment__icontains=term))
    return [
        Found(
            f"{row.position}  {row.name or row.comment[:80] or row.get_action_display()}",
            row.get_action_display() + ("" if row.enabled else ", off"),
            f"{reverse('admin:access')}#rule-{row.pk}",
            "rule",
        )
        for row in rows.order_by("position", "pk")[:MOST]
    ]


def groups(term: str) -> list[Found]:
    """Groups by name, written with ``group:`` or without."""
    rows = Group.objects.filter(name__icontains=term.lower().removeprefix("group:")).order_by("name")[:MOST]
    return [
        Found(str(row), row.comment[:80], reverse("admin:acl_group_change", args=[row.pk]), "groups") for row in rows
    ]


def hosts(term: str) -> list[Found]:
    """Hosts by name, written with ``host:`` or without, or by the beginning of their address."""
    fits = Q(name__icontains=term.lower().removeprefix("host:")) | Q(prefix__startswith=term)
    rows = Host.objects.filter(fits).order_by("name")[:MOST]
    return [Found(str(row), row.prefix, reverse("admin:acl_host_change", args=[row.pk]), "lan") for row in rows]
