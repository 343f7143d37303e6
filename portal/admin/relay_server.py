"""Relay servers, and how they do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from nodes.models import RelayRegion, RelayServer
from nodes.services.relays import delete_server, save_server
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.cause import act
from portal.forms import ServiceForm
from portal.relay_words import server_note, server_status
from portal.sections import Section, facts
from portal.verbs import Question, Row, Verb, count


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


def _ask_server(servers: Sequence[RelayServer]) -> Question:
    what = count(servers, "", "servers")
    rows = [Row(server.name, f"of {server.region.name}") for server in servers]
    return Question(f"Delete {what}?", "Agents stop using it with their next map.", f"Delete {what}", rows, keep="Keep")


def _delete_server(request: HttpRequest, server: RelayServer, data: dict[str, Any]) -> None:
    delete_server(server_id=server.pk, **act(request))


def _gone(servers: Sequence[RelayServer]) -> str:
    return f"Deleted: {count(servers, '', 'servers')}."


class RelayServerAdmin(ServiceAdmin):
    """Relay servers."""

    view_right = "network.view"
    edit_right = "network.manage"
    add_form = edit_form = ServerForm
    add_label = "New server"
    verbs = (
        Verb(
            "delete",
            "Delete",
            "network.manage",
            _delete_server,
            lambda rows: f"Deleted: {count(rows, '', 'servers')}.",
            _ask_server,
            destroys=True,
        ),
    )
    list_display = ("subject", "state", "region_link", "host_mono", "ports", "told")
    search_fields = ("name", "host")
    column_css = {
        "subject": "gw-c-subject",
        "state": "gw-c-status gw-c-plain",
        "told": "gw-c-minor",
        "region_link": "gw-c-plain",
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

    @display(description="State")
    def state(self, obj: RelayServer) -> SafeString:
        """As the portal's checks found it."""
        return server_status(obj)

    @display(description="Last check")
    def told(self, obj: RelayServer) -> SafeString:
        """What the last check found."""
        return server_note(obj, timezone.now())

    def headline(self, request: HttpRequest, obj: Any) -> Sequence[Any]:
        """How it does."""
        return (self.state(obj), self.region_link(obj))

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
        now = timezone.now()
        known = facts(("Region", self.region_link(obj)), ("IPv4", html.mono(obj.ipv4)), ("IPv6", html.mono(obj.ipv6)))
        health = facts(
            ("Asked", html.ago(obj.checked_at, now)),
            ("Answered", html.ago(obj.answered_at, now)),
            ("In", f"{obj.answer_ms:.0f} ms" if obj.answer_ms is not None else ""),
            ("Fails since", html.ago(obj.failing_since, now) if obj.failing_since else ""),
            ("Fault", obj.get_fault_display() if obj.fault else ""),
            ("Certificate", "its issuer is unknown to the portal" if obj.unknown_issuer else ""),
        )
        return [Section("Server", facts=known), Section("Checks by the portal", facts=health)]
