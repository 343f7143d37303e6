"""Relay regions and their servers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.admin import display
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from nodes.models import Node, RelayRegion, RelayServer
from nodes.selectors.latencies import region_latencies
from nodes.services.relays import delete_region, save_region
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import NetworkFilter
from portal.cause import act
from portal.forms import NetworkForm
from portal.relay_words import HOMES, home_lines, latency_words, region_status, server_note, server_status
from portal.sections import Section, facts
from portal.verbs import Question, Row, Verb, count
from sessions_app.roles import allows


class RegionForm(NetworkForm):
    """A region."""

    number = forms.IntegerField(min_value=1, max_value=2**31 - 1, help_text="Agents know the region by it.")
    code = forms.SlugField(max_length=16, help_text="Short: fra.")
    name = forms.CharField(max_length=64, help_text="For people: Frankfurt.")
    field_css = {"number": "gw-field-short", "code": "gw-field-short gw-field-mono"}


def _ask_region(regions: Sequence[RelayRegion]) -> Question:
    numbers = [region.number for region in regions]
    homes = dict(
        Node.objects.filter(home_region__in=numbers).order_by().values_list("home_region").annotate(number=Count("pk"))
    )
    rows = [
        Row(region.name, f"is home to {html.many(homes[region.number], 'node')}, which choose another", worst=True)
        if homes.get(region.number)
        else Row(region.name, "is home to no node")
        for region in regions
    ]
    what = count(regions, "", "regions")
    tick = "Send these nodes to other relays" if homes else ""
    return Question(f"Delete {what}?", "Its servers go with it.", f"Delete {what}", rows, tick, "Keep")


def _delete_region(request: HttpRequest, region: RelayRegion, data: dict[str, Any]) -> None:
    delete_region(region_id=region.pk, **act(request))


def _gone(noun: str) -> Any:
    return lambda rows: f"Deleted: {count(rows, '', noun)}."


class RelayRegionAdmin(ServiceAdmin):
    """Places with relays."""

    page_title = "Relays"
    view_right = "network.view"
    edit_right = "network.manage"
    add_form = edit_form = RegionForm
    add_label = "New region"
    verbs = (Verb("delete", "Delete", "network.manage", _delete_region, _gone("regions"), _ask_region, destroys=True),)
    related = (("Servers", "nodes.relayserver"),)
    lead = "Relays carry traffic between nodes that cannot reach each other directly. Agents measure them and choose."
    empty_title = "No relay yet"
    empty_text = "Nodes connect directly. Add a region, then its servers, for those that cannot."
    list_display = ("subject", "state", "region_code", "number_mono", "servers_listed", "latency", "homes")
    list_filter = (NetworkFilter,)
    search_fields = ("name", "code")
    column_css = {
        "subject": "gw-c-subject",
        "state": "gw-c-status gw-c-plain",
        "region_code": "gw-c-minor",
        "number_mono": "gw-c-minor",
        "servers_listed": "gw-c-wide gw-c-plain",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[RelayRegion]:
        """With the servers."""
        rows: QuerySet[RelayRegion] = super().get_queryset(request)
        return rows.prefetch_related("servers").order_by("number")

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """How many nodes call each home, and how far they are: two queries."""
        homes = Node.objects.filter(home_region__in=[row.number for row in rows]).order_by()
        counts = {
            (network, region): number
            for network, region, number in homes.values_list("network_id", "home_region").annotate(n=Count("pk"))
        }
        latencies = {network: region_latencies(network) for network in {row.network_id for row in rows}}
        for row in rows:
            row.gw_homes = counts.get((row.network_id, row.number), 0)
            row.gw_latency = latencies[row.network_id].get(row.number)

    def create(self, request: HttpRequest, data: dict[str, Any]) -> RelayRegion:
        """By its service."""
        network = data.pop("network")
        return save_region(network_id=network.pk, **data, **act(request))

    def update(self, request: HttpRequest, obj: Any, data: dict[str, Any]) -> None:
        """By its service."""
        save_region(network_id=obj.network_id, region_id=obj.pk, **data, **act(request))

    @display(description="Region", ordering="name")
    def subject(self, obj: RelayRegion) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("nodes.relayregion", obj.pk), obj.name, subject=True)

    @display(description="Code", ordering="code")
    def region_code(self, obj: RelayRegion) -> SafeString:
        """Short name."""
        return html.mono(obj.code)

    @display(description="Number", ordering="number")
    def number_mono(self, obj: RelayRegion) -> SafeString:
        """Agents' name for it."""
        return html.mono(obj.number)

    @display(description="State")
    def state(self, obj: RelayRegion) -> SafeString:
        """How many of its servers serve."""
        return region_status(obj, list(obj.servers.all()))

    @display(description="Servers")
    def servers_listed(self, obj: RelayRegion) -> SafeString:
        """Each with its state."""
        made = (
            (links.change_url("nodes.relayserver", server.pk), html.glyph(_glyph(server)), server.name)
            for server in list(obj.servers.all())[:6]
        )
        found = format_html_join(" ", '<a class="gw-status gw-serverlink" href="{}">{}{}</a>', made)
        more = obj.servers.all()[6:]
        return format_html("{} {}", found, html.dim(f"and {len(more)} more")) if more else found or html.dim("none")

    @display(description="Median latency")
    def latency(self, obj: RelayRegion) -> SafeString:
        """Of what nodes measured."""
        return latency_words(obj.gw_latency)  # type: ignore[attr-defined]

    @display(description="Home to")
    def homes(self, obj: RelayRegion) -> SafeString | str:
        """How many nodes; leads to them."""
        number = obj.gw_homes  # type: ignore[attr-defined]
        if not number:
            return html.dim("no node")
        return html.link(f"{links.change_url('nodes.relayregion', obj.pk)}#homes", html.many(number, "node"))

    def headline(self, request: HttpRequest, obj: Any) -> Sequence[Any]:
        """How it does."""
        return (self.state(obj), html.mono(obj.code), f"region {obj.number}")

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """Its servers, and the nodes that call it home."""
        now = timezone.now()
        lines = [
            format_html(
                '<div>{} <span class="gw-mono">{}</span><div class="gw-small gw-dim">{}</div></div>'
                '<span class="gw-end">{}</span>',
                html.link(links.change_url("nodes.relayserver", server.pk), server.name, subject=True),
                f"{server.host}:{server.port}",
                server_note(server, now),
                server_status(server),
            )
            for server in obj.servers.all()
        ]
        add = None
        if self._may_edit(request):
            add = ("Add a server", links.list_url("nodes.relayserver").rstrip("/") + f"/add/?region={obj.pk}")
        return [
            Section(
                "Servers",
                span=8,
                lines=lines,
                count=len(lines),
                link=add,
                empty="None yet.",
                ident="gw-servers",
                refresh="network",
            ),
            Section("Use", span=4, facts=facts(("Home to", self.homes(obj)), ("Median latency", self.latency(obj)))),
            *([_homes(request, obj)] if allows(request.user, "nodes.view") else []),
        ]


def _glyph(server: RelayServer) -> str:
    if not server.alive:
        return "disabled"
    return "late" if server.failing_since is not None else "waiting" if server.checked_at is None else "online"


def _homes(request: HttpRequest, region: RelayRegion) -> Section:
    """The nodes that call a region home, a page of them at a time."""
    asked = request.GET.get("p", "1")
    page = max(1, int(asked)) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1
    rows = Node.objects.filter(network_id=region.network_id, home_region=region.number).order_by("name")
    some = list(rows.only("name", "relay_latency_ms")[(page - 1) * HOMES : page * HOMES + 1])
    more = ("Next", f"?p={page + 1}#homes") if len(some) > HOMES else None
    return Section(
        "Calls it home" if page == 1 else f"Calls it home, page {page}",
        span=12,
        lines=home_lines(some[:HOMES], region.number),
        count=rows.count(),
        link=more,
        empty="No node.",
        ident="homes",
    )
