"""Relay regions and their servers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.admin import display
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from nodes.models import Node, RelayRegion, RelayServer
from nodes.services.relays import delete_region, delete_server, save_region, save_server
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import NetworkFilter
from portal.cause import act
from portal.forms import NetworkForm, ServiceForm
from portal.sections import Section, facts
from portal.verbs import Question, Row, Verb, count


class RegionForm(NetworkForm):
    """A region."""

    number = forms.IntegerField(min_value=1, max_value=2**31 - 1, help_text="Agents know the region by it.")
    code = forms.SlugField(max_length=16, help_text="Short: fra.")
    name = forms.CharField(max_length=64, help_text="For people: Frankfurt.")
    field_css = {"number": "gw-field-short", "code": "gw-field-short gw-field-mono"}


class ServerForm(ServiceForm):
    """A server of a region."""

    region = forms.ModelChoiceField(RelayRegion.objects.none(), empty_label=None)
    name = forms.SlugField(max_length=63, help_text="Short: fra-1.")
    host = forms.CharField(max_length=253, help_text="Host name or address that agents connect to.")
    ipv4 = forms.GenericIPAddressField(label="IPv4", protocol="IPv4", required=False)
    ipv6 = forms.GenericIPAddressField(label="IPv6", protocol="IPv6", required=False)
    port = forms.IntegerField(min_value=1, max_value=65535, initial=443)
    stun_port = forms.IntegerField(
        label="STUN port", min_value=0, max_value=65535, initial=3478, help_text="0: it answers no STUN."
    )
    field_css = {
        **dict.fromkeys(("name", "host", "ipv4", "ipv6"), "gw-field-mono"),
        **dict.fromkeys(("port", "stun_port"), "gw-field-short"),
    }

    def prepare(self) -> None:
        """A server stays in its region."""
        if self.obj is not None:
            del self.fields["region"]
            return
        regions = RelayRegion.objects.order_by("number")
        field = self.fields["region"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = regions
        chosen = self.request.GET.get("region", "")
        field.initial = regions.filter(pk=int(chosen)).first() if chosen.isdigit() else regions.first()

    def clean(self) -> dict[str, Any]:
        """No address is none, not an empty one."""
        data = super().clean() or {}
        for name in ("ipv4", "ipv6"):
            data[name] = data.get(name) or None
        return data


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


def _ask_server(servers: Sequence[RelayServer]) -> Question:
    what = count(servers, "", "servers")
    rows = [Row(server.name, f"of {server.region.name}") for server in servers]
    return Question(f"Delete {what}?", "Agents stop using it with their next map.", f"Delete {what}", rows, keep="Keep")


def _delete_region(request: HttpRequest, region: RelayRegion, data: dict[str, Any]) -> None:
    delete_region(region_id=region.pk, **act(request))


def _delete_server(request: HttpRequest, server: RelayServer, data: dict[str, Any]) -> None:
    delete_server(server_id=server.pk, **act(request))


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
    list_display = ("subject", "region_code", "number_mono", "server_count", "homes")
    list_filter = (NetworkFilter,)
    search_fields = ("name", "code")
    column_css = {"subject": "gw-c-subject", "region_code": "gw-c-status gw-c-plain"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[RelayRegion]:
        """With the number of servers."""
        rows: QuerySet[RelayRegion] = super().get_queryset(request)
        return rows.annotate(gw_servers=Count("servers")).order_by("number")

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """How many nodes call each home: one query."""
        homes = Node.objects.filter(home_region__in=[row.number for row in rows]).order_by()
        counts = {
            (network, region): number
            for network, region, number in homes.values_list("network_id", "home_region").annotate(n=Count("pk"))
        }
        for row in rows:
            row.gw_homes = counts.get((row.network_id, row.number), 0)

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

    @display(description="Servers", ordering="gw_servers")
    def server_count(self, obj: RelayRegion) -> int | SafeString:
        """How many."""
        return obj.gw_servers or html.dim("none")  # type: ignore[attr-defined]

    @display(description="Home to")
    def homes(self, obj: RelayRegion) -> SafeString | str:
        """How many nodes."""
        number = obj.gw_homes  # type: ignore[attr-defined]
        return html.many(number, "node") if number else html.dim("no node")

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """Its servers."""
        lines = [
            format_html(
                '{}<span class="gw-mono">{}</span><span class="gw-end gw-dim">port {}</span>',
                html.link(links.change_url("nodes.relayserver", server.pk), server.name, subject=True),
                server.host,
                server.port,
            )
            for server in obj.servers.all()
        ]
        add = None
        if self._may_edit(request):
            add = ("Add a server", links.list_url("nodes.relayserver").rstrip("/") + f"/add/?region={obj.pk}")
        return [
            Section("Servers", span=8, lines=lines, count=len(lines), link=add, empty="None yet."),
            Section("Use", span=4, facts=facts(("Home to", self.homes(obj)))),
        ]


class RelayServerAdmin(ServiceAdmin):
    """Relay servers."""

    view_right = "network.view"
    edit_right = "network.manage"
    add_form = edit_form = ServerForm
    add_label = "New server"
    verbs = (Verb("delete", "Delete", "network.manage", _delete_server, _gone("servers"), _ask_server, destroys=True),)
    list_display = ("subject", "region_link", "host_mono", "ports")
    search_fields = ("name", "host")
    column_css = {
        "subject": "gw-c-subject",
        "region_link": "gw-c-status gw-c-plain",
        "host_mono": "gw-c-wide gw-c-plain",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[RelayServer]:
        """With the regions."""
        return super().get_queryset(request).select_related("region")

    def create(self, request: HttpRequest, data: dict[str, Any]) -> RelayServer:
        """By its service."""
        region = data.pop("region")
        return save_server(region_id=region.pk, fields=data, **act(request))

    def update(self, request: HttpRequest, obj: Any, data: dict[str, Any]) -> None:
        """By its service."""
        save_server(region_id=obj.region_id, server_id=obj.pk, fields=data, **act(request))

    @display(description="Server", ordering="name")
    def subject(self, obj: RelayServer) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("nodes.relayserver", obj.pk), obj.name, subject=True)

    @display(description="Region", ordering="region__name")
    def region_link(self, obj: RelayServer) -> SafeString:
        """Its region."""
        return html.link(links.change_url("nodes.relayregion", obj.region_id), obj.region.name)

    @display(description="Host", ordering="host")
    def host_mono(self, obj: RelayServer) -> SafeString:
        """Where it is."""
        return html.mono(obj.host)

    @display(description="Ports")
    def ports(self, obj: RelayServer) -> SafeString:
        """Relay and STUN."""
        return html.mono(f"{obj.port}, stun {obj.stun_port}" if obj.stun_port else f"{obj.port}")

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """Its region."""
        known = facts(("Region", self.region_link(obj)), ("IPv4", html.mono(obj.ipv4)), ("IPv6", html.mono(obj.ipv6)))
        return [Section("Server", facts=known)]
