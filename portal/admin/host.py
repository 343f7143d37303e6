"""Named addresses and CIDRs."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin import display
from django.http import HttpRequest
from django.utils.safestring import SafeString

from acl.models import Host
from acl.services.hosts import delete_host, save_host
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import NetworkFilter
from portal.admin.group import ask_delete, rules_section
from portal.cause import act
from portal.forms import PolicyForm
from portal.sections import Section
from portal.verbs import Verb, count


class HostForm(PolicyForm):
    """A name for an address or CIDR."""

    name = forms.CharField(max_length=63, help_text="Without host:, as in erp. It stays: rules refer to it.")
    prefix = forms.CharField(label="Address or CIDR", max_length=43)  # type: ignore[assignment]  # a field, not an attribute
    comment = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    field_css = {"name": "gw-field-mono", "prefix": "gw-field-mono"}

    def prepare(self) -> None:
        """A host keeps its name."""
        super().prepare()
        if self.obj is not None:
            self.fields["name"].disabled = True


def _delete(request: HttpRequest, host: Host, data: dict[str, Any]) -> None:
    delete_host(host_id=host.pk, forced=data["forced"], **act(request))


class HostAdmin(ServiceAdmin):
    """Addresses under names, for rules."""

    view_right = "policy.view"
    edit_right = "policy.manage"
    add_form = edit_form = HostForm
    add_label = "New host"
    verbs = (
        Verb(
            "delete",
            "Delete",
            "policy.manage",
            _delete,
            lambda rows: f"Deleted: {count(rows, '', 'hosts')}.",
            ask_delete("host"),
            destroys=True,
            may_force=True,
        ),
    )
    lead = "Names for addresses and CIDRs, for rules: host:erp."
    empty_text = "A rule can name an address or CIDR itself; a host gives it a name that stays."
    list_display = ("subject", "prefix_mono", "note")
    list_filter = (NetworkFilter,)
    search_fields = ("name", "prefix", "comment")
    search_hint = "Name, address or comment"
    column_css = {"subject": "gw-c-subject", "prefix_mono": "gw-c-status gw-c-plain", "note": "gw-c-wide gw-c-plain"}

    def create(self, request: HttpRequest, data: dict[str, Any]) -> Host:
        """By its service."""
        network = data.pop("network")
        return save_host(network_id=network.pk, **data, **act(request))

    def update(self, request: HttpRequest, obj: Any, data: dict[str, Any]) -> None:
        """By its service."""
        save_host(network_id=obj.network_id, host_id=obj.pk, **data, **act(request))

    @display(description="Host", ordering="name")
    def subject(self, obj: Host) -> SafeString:
        """A square chip."""
        return html.chip(f"host:{obj.name}", url=links.change_url("acl.host", obj.pk))

    @display(description="Address or CIDR", ordering="prefix")
    def prefix_mono(self, obj: Host) -> SafeString:
        """Where it leads."""
        return html.mono(obj.prefix)

    @display(description="Comment")
    def note(self, obj: Host) -> str:
        """What it is."""
        return obj.comment

    def heading(self, request: HttpRequest, obj: Any) -> str:
        """As rules name it."""
        return f"host:{obj.name}"

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """Rules that name it."""
        return [rules_section(f"host:{obj.name}")]
