"""DNS records of a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.admin import display
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from nodes.models import DnsRecord, Network
from nodes.services.dns import delete_record, save_record
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import NetworkFilter, ValueFilter
from portal.cause import act
from portal.forms import NetworkForm
from portal.sections import Section
from portal.verbs import Question, Row, Verb, count


class RecordForm(NetworkForm):
    """A record."""

    name = forms.CharField(max_length=253, help_text="Whole, such as wiki.mycompany.ghost.")
    type = forms.ChoiceField(choices=DnsRecord.Type.choices)
    value = forms.GenericIPAddressField(label="Address")
    field_css = {"name": "gw-field-mono", "type": "gw-field-short", "value": "gw-field-mono"}


class TypeFilter(ValueFilter):
    """A or AAAA."""

    title = "type"
    parameter_name = "type"
    column = "type"


def _ask(records: Sequence[DnsRecord]) -> Question:
    what = f"{len(records)} records" if len(records) > 1 else f"{records[0].name} {records[0].type}"
    rows = [Row(record.name, f"no longer leads to {record.value}") for record in records]
    lead = "Agents stop answering the name with their next map."
    return Question(f"Delete {what}?", lead, "Delete" if len(records) == 1 else f"Delete {what}", rows, keep="Keep")


def _delete(request: HttpRequest, record: DnsRecord, data: dict[str, Any]) -> None:
    delete_record(record_id=record.pk, **act(request))


class DnsRecordAdmin(ServiceAdmin):
    """Names beside the nodes' own."""

    page_title = "DNS"
    view_right = "network.view"
    edit_right = "network.manage"
    add_form = edit_form = RecordForm
    add_label = "New record"
    verbs = (
        Verb(
            "delete",
            "Delete",
            "network.manage",
            _delete,
            lambda rows: f"Deleted: {count(rows, '', 'records')}.",
            _ask,
            destroys=True,
        ),
    )
    change_list_template = "portal/dns.html"
    lead = "Names that agents answer besides the nodes' own."
    empty_title = "No record yet"
    empty_text = "Nodes have their names without one. A record gives any other address a name in the mesh."
    list_display = ("subject", "kind", "address")
    list_filter = (NetworkFilter, TypeFilter)
    search_fields = ("name", "value")
    search_hint = "Name or address"
    column_css = {"subject": "gw-c-subject", "kind": "gw-c-status gw-c-plain", "address": "gw-c-wide gw-c-plain"}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """With the settings that decide which names are asked of whom, network by network."""
        networks = [
            {
                "network": network,
                "url": links.change_url("nodes.network", network.pk),
                "split": sorted(network.split_dns.items()),
            }
            for network in Network.objects.order_by("name")[:20]
        ]
        return super().changelist_view(request, {"gw_dns": networks} | (extra_context or {}))

    def create(self, request: HttpRequest, data: dict[str, Any]) -> DnsRecord:
        """By its service."""
        network = data.pop("network")
        return save_record(network_id=network.pk, **data, **act(request))

    def update(self, request: HttpRequest, obj: Any, data: dict[str, Any]) -> None:
        """By its service."""
        save_record(network_id=obj.network_id, record_id=obj.pk, **data, **act(request))

    @display(description="Name", ordering="name")
    def subject(self, obj: DnsRecord) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("nodes.dnsrecord", obj.pk), html.mono(obj.name), subject=True)

    @display(description="Type", ordering="type")
    def kind(self, obj: DnsRecord) -> SafeString:
        """A or AAAA."""
        return html.mono(obj.type)

    @display(description="Address", ordering="value")
    def address(self, obj: DnsRecord) -> SafeString:
        """Where the name leads."""
        return html.mono(obj.value)

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """The form says it all; readers get a card."""
        if self._may_edit(request):
            return []
        return [Section("Record", facts=(("Type", self.kind(obj)), ("Address", self.address(obj))))]
