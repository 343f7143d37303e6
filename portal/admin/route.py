"""Routes that nodes offer, and the person who approves them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import display
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from coordinator.consequences import of_withdrawal
from nodes.models import Route
from nodes.services.routes import set_route_approval
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import NetworkFilter, TabFilter, tally
from portal.admin.node_list import prefix_span
from portal.cause import act
from portal.node.damage import rows_of, tick_of
from portal.sections import Section, facts
from portal.undo import Undo
from portal.verbs import Question, Verb, count

EXIT = Q(prefix__in=("0.0.0.0/0", "::/0"))


class ApprovalTabs(TabFilter):
    """What waits, what is in force."""

    title = "approval"
    parameter_name = "approval"
    always = ("waiting", "approved")

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """By the row's marks."""
        return {
            "waiting": ("Waiting", Q(advertised=True, approved=False)),
            "approved": ("Approved", Q(advertised=True, approved=True)),
            "withdrawn": ("No longer offered", Q(advertised=False)),
            "exit": ("Exit nodes", EXIT),
        }

    def glyphs(self) -> dict[str, str]:
        """Waiting is for a person."""
        return {"waiting": "waiting", "approved": "online"}

    def counts(self, cl: ChangeList) -> dict[str, int]:
        """One query."""
        return tally(Route, self.options(self.request))


def _approve(request: HttpRequest, route: Route, data: dict[str, Any]) -> None:
    set_route_approval(node_id=route.node_id, prefixes=[route.prefix], approved=True, **act(request))


def _withdraw(request: HttpRequest, route: Route, data: dict[str, Any]) -> None:
    set_route_approval(node_id=route.node_id, prefixes=[route.prefix], approved=False, **act(request))


def _ask_withdraw(routes: Sequence[Route]) -> Question:
    by_network: dict[int, list[tuple[int, str]]] = {}
    for route in routes:
        by_network.setdefault(route.network_id, []).append((route.node_id, route.prefix))
    found = [of_withdrawal(network_id=network_id, routes=pairs) for network_id, pairs in by_network.items()]
    what = count(routes, "", "routes")
    lost = any(item.networks for item in found)
    lead = "Peers drop it at once. You can approve it again while it is offered."
    return Question(
        f"Withdraw {what}?", lead, f"Withdraw {what}", rows_of(found), tick_of(found) if lost else "", "Keep"
    )


class RouteAdmin(ServiceAdmin):
    """Subnets behind nodes, and exit nodes."""

    view_right = "nodes.view"
    verbs = (
        Verb(
            "approve",
            "Approve",
            "routes.manage",
            _approve,
            lambda routes: f"Approved: {count(routes, '', 'routes')}.",
            offered=lambda route: not route.approved,
            undo=lambda route: Undo("withdraw"),
        ),
        Verb(
            "withdraw",
            "Withdraw",
            "routes.manage",
            _withdraw,
            lambda routes: f"Withdrawn: {count(routes, '', 'routes')}.",
            _ask_withdraw,
            destroys=True,
            offered=lambda route: route.approved,
            undo=lambda route: Undo("approve") if route.advertised else None,
        ),
    )
    empty_text = "Machines offer networks behind them when they enrol with --advertise-routes."
    list_display = ("subject", "router", "state", "role")
    list_filter = (ApprovalTabs, NetworkFilter)
    search_fields = ("prefix",)
    search_hint = "Prefix, address or node"
    search_in = "its prefix or node"
    column_css = {"subject": "gw-c-subject", "state": "gw-c-status gw-c-plain", "router": "gw-c-wide"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Route]:
        """With the routers."""
        return super().get_queryset(request).select_related("node", "network")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """What waits comes first."""
        return ("approved", "first", "prefix")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Route], search_term: str
    ) -> tuple[QuerySet[Route], bool]:
        """An address finds the routes that cover it."""
        for word in search_term.replace("\x00", "").split()[:4]:
            span = prefix_span(word)
            if span is not None:
                queryset = queryset.filter(first__lte=span[1], last__gte=span[0])
            else:
                queryset = queryset.filter(node__name__icontains=word)
        return queryset, False

    @display(description="Prefix", ordering="first")
    def subject(self, obj: Route) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("nodes.route", obj.pk), html.mono(obj.prefix), subject=True)

    @display(description="Router", ordering="node__name")
    def router(self, obj: Route) -> SafeString:
        """The node that offers it."""
        return links.node_link(obj.node)

    @display(description="State")
    def state(self, obj: Route) -> SafeString:
        """Waiting, approved, or gone."""
        if not obj.advertised:
            return html.status("offline", "No longer offered")
        return html.status("online", "Approved") if obj.approved else html.status("waiting", "Waiting")

    @display(description="Role")
    def role(self, obj: Route) -> SafeString | str:
        """Primary, standby, exit node."""
        if obj.prefix in ("0.0.0.0/0", "::/0"):
            return "exit node"
        if obj.primary:
            return "primary"
        return html.dim("standby" if obj.approved and obj.advertised else "not in force")

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """What there is to know."""
        known = facts(("Router", self.router(obj)), ("State", self.state(obj)), ("Role", self.role(obj)))
        return [Section("Route", facts=known)]
