"""Networks and their settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.admin import display
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from nodes.models import Network
from nodes.services.network import update_network
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.cause import act
from portal.forms import ListField, ServiceForm
from portal.pools import pools_of
from portal.sections import Section, facts


class SplitDnsField(ListField):
    """``corp.example = 10.0.0.53, 10.0.0.54``, one domain a line, as a mapping."""

    def prepare_value(self, value: Any) -> Any:
        """A mapping as lines."""
        if isinstance(value, dict):
            return "\n".join(f"{domain} = {', '.join(servers)}" for domain, servers in value.items())
        return value

    def clean(self, value: Any) -> dict[str, list[str]]:
        """Lines as a mapping."""
        parsed: dict[str, list[str]] = {}
        for line in forms.CharField.clean(self, value).splitlines():
            domain, equals, servers = line.partition("=")
            if not line.strip():
                continue
            if not equals:
                raise forms.ValidationError(f"“{line.strip()}”: write a domain, =, and its name servers.")
            parsed[domain.strip().lower()] = [part.strip() for part in servers.split(",") if part.strip()]
        return parsed


class NetworkSettingsForm(ServiceForm):
    """The settings that may change while a network runs."""

    domain = forms.CharField(max_length=253, help_text="Names of nodes end in it.")
    ipv4_range = forms.CharField(label="IPv4 range", max_length=18)
    ipv6_range = forms.CharField(label="IPv6 range", max_length=43, required=False, help_text="Empty: no IPv6.")
    excluded = ListField(required=False, help_text="CIDRs and first-last ranges that are never given out.")
    keepalive_seconds = forms.IntegerField(label="Heartbeat every", min_value=1, help_text="Seconds.")
    grace_seconds = forms.IntegerField(
        label="Grace period", min_value=0, help_text="Seconds from late (two heartbeats missed) to offline."
    )
    lease_seconds = forms.IntegerField(
        label="Lease", min_value=60, help_text="Seconds that an agent keeps its peers without hearing from the portal."
    )
    quarantine_seconds = forms.IntegerField(
        label="Quarantine", min_value=60, help_text="Seconds that an address or name rests. At least the lease."
    )
    max_peers = forms.IntegerField(label="Peers a node at most", min_value=1)
    key_rotation_seconds = forms.IntegerField(
        label="New keys every", min_value=0, help_text="Seconds after which a node makes a new key. 0: never by itself."
    )
    approve_nodes = forms.BooleanField(
        label="Approve each new node",
        required=False,
        help_text="Machines wait until somebody approves them, unless their auth key is pre-approved.",
    )
    magic_dns = forms.BooleanField(label="Names in DNS", required=False, help_text="Nodes resolve each other by name.")
    nameservers = ListField(label="Name servers", required=False)
    split_dns = SplitDnsField(
        label="Split DNS", required=False, help_text="One domain a line: corp.example = 10.0.0.53, 10.0.0.54."
    )
    search_domains = ListField(required=False)
    field_css = {
        **dict.fromkeys(
            ("domain", "ipv4_range", "ipv6_range", "excluded", "nameservers", "split_dns", "search_domains"),
            "gw-field-mono",
        ),
        **dict.fromkeys(
            (
                "keepalive_seconds",
                "grace_seconds",
                "lease_seconds",
                "quarantine_seconds",
                "max_peers",
                "key_rotation_seconds",
            ),
            "gw-field-short",
        ),
    }

    def clean_ipv6_range(self) -> str | None:
        """Empty is none."""
        return self.cleaned_data["ipv6_range"] or None


class NetworkAdmin(ServiceAdmin):
    """The portal makes the network from its configuration file, so there is no form that adds one."""

    page_title = "Settings"
    view_right = "network.view"
    edit_right = "network.manage"
    edit_form = NetworkSettingsForm
    lead = "A network has its own ranges, policy and map. What the configuration file names is put back at each start."
    list_display = ("subject", "domain", "ranges", "heartbeat", "version", "age")
    column_css = {"subject": "gw-c-subject", "ranges": "gw-c-wide gw-c-plain", "domain": "gw-c-plain"}

    def update(self, request: HttpRequest, obj: Any, data: dict[str, Any]) -> None:
        """By the service that checks them together."""
        update_network(network_id=obj.pk, changes=data, **act(request))

    @display(description="Network", ordering="name")
    def subject(self, obj: Network) -> SafeString:
        """The name."""
        return html.link(links.change_url("nodes.network", obj.pk), obj.name, subject=True)

    @display(description="Ranges")
    def ranges(self, obj: Network) -> SafeString:
        """Both families."""
        return html.addresses([(4, obj.ipv4_range), *([(6, obj.ipv6_range)] if obj.ipv6_range else [])])

    @display(description="Heartbeat", ordering="keepalive_seconds")
    def heartbeat(self, obj: Network) -> str:
        """Its interval."""
        return f"every {obj.keepalive_seconds} s"

    @display(description="Map", ordering="map_version")
    def version(self, obj: Network) -> SafeString:
        """The map's version."""
        return html.mono(obj.map_version)

    @display(description="Created", ordering="created_at")
    def age(self, obj: Network) -> SafeString:
        """When it was made."""
        return html.ago(obj.created_at, timezone.now())

    def headline(self, request: HttpRequest, obj: Any) -> Sequence[Any]:
        """Domain and ranges."""
        return (html.mono(obj.domain), self.ranges(obj))

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """What it is at, and how full its pools are."""
        now = timezone.now()
        return [
            Section(
                "State",
                span=6,
                facts=facts(
                    ("Map", html.mono(obj.map_version)),
                    ("Epoch", html.mono(obj.epoch)),
                    ("Policy", html.link(links.rules_url(), f"version {obj.policy_version}")),
                    ("Created", html.ago(obj.created_at, now)),
                ),
            ),
            Section("Address pools", span=6, template="portal/pools.html", data={"pools": pools_of(obj, now)}),
        ]
