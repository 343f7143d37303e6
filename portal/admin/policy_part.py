"""Parts of a policy that its document brings: tests, automatic approval of routes, and attributes of nodes."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import display
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from acl.models import AutoApproval, AutoApprover, NodeAttribute, PolicyTest
from acl.selectors import labels_for
from mesh.policy import Labels, format_protocol
from nodes.models import Route
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import NetworkFilter
from portal.rule_words import port_words
from portal.sections import Section, facts


def _targets(flows: list[dict[str, Any]], labels: Labels) -> SafeString:
    made = (
        (
            links.selector_chip(flow["destination"], labels),
            ", ".join(port_words(item) for item in flow.get("ports") or []) or "any port",
        )
        for flow in flows
    )
    return format_html_join(" ", '{} <span class="gw-mono">{}</span>', made) or html.EMPTY


class PolicyTestAdmin(ServiceAdmin):
    """Assertions that every change of the policy must keep."""

    view_right = "policy.view"
    lead = "What the policy must accept and deny, tried at every change."
    list_display = ("subject", "source_chip", "accepts", "denies")
    list_filter = (NetworkFilter,)
    column_css = {"subject": "gw-c-subject", "source_chip": "gw-c-status gw-c-plain", "accepts": "gw-c-wide"}

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """Names of the page at once."""
        said = [row.source for row in rows]
        said += [flow["destination"] for row in rows for flow in (*row.accept, *row.deny)]
        labels = labels_for(said)
        for row in rows:
            row.gw_labels = labels

    @display(description="Test", ordering="position")
    def subject(self, obj: PolicyTest) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("acl.policytest", obj.pk), f"Test {obj.position}", subject=True)

    @display(description="From")
    def source_chip(self, obj: PolicyTest) -> SafeString:
        """The source."""
        return links.selector_chip(obj.source, obj.gw_labels)  # type: ignore[attr-defined]

    @display(description="Accepted")
    def accepts(self, obj: PolicyTest) -> SafeString:
        """What it must reach."""
        return _targets(obj.accept, obj.gw_labels)  # type: ignore[attr-defined]

    @display(description="Denied")
    def denies(self, obj: PolicyTest) -> SafeString:
        """What it must not reach."""
        return _targets(obj.deny, obj.gw_labels)  # type: ignore[attr-defined]

    def headline(self, request: HttpRequest, obj: Any) -> tuple[SafeString]:
        """Where it is run and edited."""
        query = urlencode({"network": obj.network.name})
        return (html.link(f"{reverse('admin:policy_tests')}?{query}#test-{obj.pk}", "What it says now"),)

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """The assertion."""
        protocol = "TCP and UDP" if obj.protocol is None else format_protocol(obj.protocol)
        return [
            Section(
                "Test",
                span=12,
                facts=facts(
                    ("From", self.source_chip(obj)),
                    ("Accepted", self.accepts(obj)),
                    ("Denied", self.denies(obj)),
                    ("Protocol", protocol),
                ),
            )
        ]


class AutoApproverAdmin(ServiceAdmin):
    """Whose routes need no person."""

    view_right = "policy.view"
    lead = "Whose routes are approved without a person. They come with the policy's document."
    list_display = ("subject", "who")
    list_filter = (NetworkFilter,)
    search_fields = ("prefix",)
    column_css = {"subject": "gw-c-subject", "who": "gw-c-wide gw-c-plain"}

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """Names of the page at once."""
        labels = labels_for([text for row in rows for text in row.approvers])
        for row in rows:
            row.gw_labels = labels

    @display(description="Routes within", ordering="prefix")
    def subject(self, obj: AutoApprover) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("acl.autoapprover", obj.pk), html.mono(str(obj)), subject=True)

    @display(description="Of")
    def who(self, obj: AutoApprover) -> SafeString:
        """Whose."""
        return links.selector_chips(obj.approvers, obj.gw_labels)  # type: ignore[attr-defined]

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """Both."""
        return [Section("Auto approver", facts=facts(("Routes within", html.mono(str(obj))), ("Of", self.who(obj))))]


class AutoApprovalAdmin(ServiceAdmin):
    """Routes that the policy approved."""

    view_right = "policy.view"
    lead = "Routes that the policy approves, and what people decided about them."
    list_display = ("subject", "node", "state", "when")
    search_fields = ("prefix", "node__name")
    column_css = {"subject": "gw-c-subject", "state": "gw-c-status gw-c-plain"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[AutoApproval]:
        """With the routers, and whether the routes are approved."""
        route = Route.objects.filter(node=OuterRef("node"), prefix=OuterRef("prefix"), approved=True)
        found: QuerySet[AutoApproval] = super().get_queryset(request).select_related("node")
        return found.annotate(gw_approved=Exists(route))

    @display(description="Route", ordering="prefix")
    def subject(self, obj: AutoApproval) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("acl.autoapproval", obj.pk), html.mono(obj.prefix), subject=True)

    @display(description="Router", ordering="node__name")
    def node(self, obj: AutoApproval) -> SafeString:
        """The node."""
        return links.node_link(obj.node)

    @display(description="State")
    def state(self, obj: AutoApproval) -> SafeString:
        """Approved, and by whom; or taken back."""
        if not obj.gw_approved:  # type: ignore[attr-defined]
            return html.status("disabled", "Taken back")
        return html.status("online", "Approved" if obj.given else "Approved by a person")

    @display(description="Since", ordering="created_at")
    def when(self, obj: AutoApproval) -> SafeString:
        """When."""
        return html.ago(obj.created_at, timezone.now())

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """What there is to know."""
        known = facts(
            ("Route", html.mono(obj.prefix)),
            ("Router", self.node(obj)),
            ("State", self.state(obj)),
            ("Since", self.when(obj)),
        )
        return [Section("Automatic approval", facts=known)]


class NodeAttributeAdmin(ServiceAdmin):
    """Capabilities that nodes carry in every map."""

    view_right = "policy.view"
    lead = "Capabilities that nodes carry in every map. They come with the policy's document."
    list_display = ("subject", "on")
    list_filter = (NetworkFilter,)
    column_css = {"subject": "gw-c-subject", "on": "gw-c-wide gw-c-plain"}

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """Names of the page at once."""
        labels = labels_for([text for row in rows for text in row.targets])
        for row in rows:
            row.gw_labels = labels

    @display(description="Attributes", ordering="position")
    def subject(self, obj: NodeAttribute) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("acl.nodeattribute", obj.pk), str(obj) or "none", subject=True)

    @display(description="On")
    def on(self, obj: NodeAttribute) -> SafeString:
        """Which nodes."""
        return links.selector_chips(obj.targets, obj.gw_labels)  # type: ignore[attr-defined]

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """Both."""
        names = format_html_join(", ", '<span class="gw-mono">{}</span>', ((name,) for name in obj.attributes))
        return [Section("Attribute", facts=facts(("Attributes", format_html("{}", names)), ("On", self.on(obj))))]
