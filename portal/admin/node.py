"""Nodes: their list and their page. Machines enrol by themselves, so there is no form that adds one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.admin import display
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from nodes.models import Node
from portal import html, links, live
from portal.admin.base import ServiceAdmin
from portal.admin.filters import NetworkFilter
from portal.admin.node_copies import copies_of_page
from portal.admin.node_list import (
    KeyExpiryFilter,
    OwnerFilter,
    SeenFilter,
    StatusTabs,
    SystemFilter,
    TagFilter,
    VersionFilter,
    criteria_of,
    late_of,
    search_nodes,
)
from portal.admin.node_page import map_line, node_sections
from portal.admin.node_verbs import NODE_VERBS
from portal.jobs.start import ALL, acts_for, plan_from_list, several_networks
from portal.node.map_page import map_document, map_page
from portal.node.reach_page import reach_page
from portal.page_list import PageList
from portal.sections import Section
from sessions_app.roles import allows

EXPIRES_SOON = timedelta(days=7)


class NodeAdmin(ServiceAdmin):
    """The fleet."""

    view_right = "nodes.view"
    verbs = NODE_VERBS
    object_template = "portal/node.html"
    related = (("Retired keys", "nodes.retiredkey"), ("Endpoints", "nodes.endpoint"))
    list_display = ("node", "status", "belongs_to", "address_list", "system", "seen", "key_expires")
    list_filter = (
        StatusTabs,
        NetworkFilter,
        OwnerFilter,
        TagFilter,
        SystemFilter,
        VersionFilter,
        SeenFilter,
        KeyExpiryFilter,
    )
    count_exactly = 200_000
    search_fields = ("name",)
    search_hint = "Name, owner, tag, address, CIDR or key"
    search_in = "its name, owner, tags, addresses or key"
    search_tip = "Addresses and CIDRs work too: try 10.1.0.0/28, or the first letters of a key."
    empty_title = "No machine has joined yet"
    empty_text = "Make an auth key under Enrol and run the line it gives you on a machine."
    column_css = {
        "node": "gw-c-subject",
        "status": "gw-c-status gw-c-plain",
        "belongs_to": "gw-c-plain gw-c-line3",
        "address_list": "gw-c-plain gw-c-line2",
        "system": "gw-c-minor",
        "seen": "gw-c-plain gw-c-line2end",
        "key_expires": "gw-c-line3end",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Node]:
        """Everything a row shows, in three queries whatever the page's length."""
        rows = super().get_queryset(request).select_related("owner", "network")
        return rows.prefetch_related("tags", "addresses")

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        """Need for attention first: waiting, late, offline, then by name."""
        return (live.status_rank(late_of(request)).asc(), "name")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Node], search_term: str
    ) -> tuple[QuerySet[Node], bool]:
        """Our own search: addresses and CIDRs are index ranges."""
        return search_nodes(queryset, search_term), False

    def plan(self, request: HttpRequest, name: str, ticked: list[int]) -> HttpResponse | None:
        """All that match, and what no verb does, is a job."""
        verb = self.find_verb(name)
        if ALL not in request.POST and verb is not None and verb.bulk:
            return None
        if not self.has_view_permission(request):
            raise PermissionDenied
        return plan_from_list(request, name, criteria_of(request.GET), ticked)

    def job_acts(self, request: HttpRequest) -> list[Any]:
        """None where the list mixes networks: a job is of one."""
        return [] if several_networks(request) else acts_for(request)

    def copies(self, request: HttpRequest, cl: PageList) -> list[Any]:
        """This page, in its order, from where it begins."""
        found = copies_of_page(request, cl)
        return [] if found is None else found

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """Ask the presence store once for the page."""
        states = live.live_of(rows, timezone.now())
        for node in rows:
            node.gw_live = states[node.pk]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """With the way in for a new machine."""
        context: dict[str, Any] = {}
        if allows(request.user, "keys.manage"):
            url = links.list_url("sessions_app.authkey").rstrip("/") + "/add/"
            context["gw_list_link"] = {"url": url, "icon": "add_link", "label": "Enrol a machine"}
        return super().changelist_view(request, context | (extra_context or {}))

    # --- Columns

    @display(description="Node", ordering="name")
    def node(self, obj: Node) -> SafeString:
        """The name, leading to its page."""
        return links.node_link(obj, subject=True)

    @display(description="Status")
    def status(self, obj: Node) -> SafeString:
        """Glyph and word."""
        return html.status(obj.gw_live.glyph, obj.gw_live.word)  # type: ignore[attr-defined]

    @display(description="Belongs to", ordering="owner__username")
    def belongs_to(self, obj: Node) -> SafeString:
        """A person or tags."""
        return links.belongs_to(obj)

    @display(description="Addresses")
    def address_list(self, obj: Node) -> SafeString:
        """IPv4 in ink, IPv6 dim."""
        held = sorted((row.family, row.address) for row in obj.addresses.all())
        return html.addresses(held)

    @display(description="System", ordering="os")
    def system(self, obj: Node) -> SafeString:
        """Operating system and agent version."""
        words = f"{obj.os} {obj.os_version}".strip() or "unknown"
        return format_html(
            '<span class="gw-system">{}{} <span class="gw-mono gw-dim">{}</span></span>',
            html.icon(_device(obj.os)),
            words,
            obj.agent_version,
        )

    @display(description="Last seen", ordering="last_seen")
    def seen(self, obj: Node) -> SafeString:
        """``now`` is dim, so that exceptions stand out."""
        state: live.Live = obj.gw_live  # type: ignore[attr-defined]
        if state.status == "online" and state.last_seen is not None:
            return html.instant(state.last_seen, "now", css="gw-nowrap gw-dim")
        if state.last_seen is None:
            return html.dim("never")
        words = html.span_words(timezone.now() - state.last_seen)
        return html.instant(state.last_seen, words, css="gw-nowrap gw-warn" if state.status == "late" else "gw-nowrap")

    @display(description="Key expires", ordering="key_expires_at")
    def key_expires(self, obj: Node) -> SafeString:
        """When its owner must log in again."""
        return html.until(obj.key_expires_at, timezone.now(), soon=EXPIRES_SOON)

    # --- Page

    def get_urls(self) -> list[URLPattern]:
        """With the pages that hang on a node's."""
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/reach/<slug:direction>/", view(self.reach_view), name="nodes_node_reach"),
            path("<int:pk>/map/", view(self.map_view), name="nodes_node_map"),
            path("<int:pk>/map.json", view(self.map_json_view), name="nodes_node_map_json"),
            *super().get_urls(),
        ]

    def reach_view(self, request: HttpRequest, pk: int, direction: str) -> HttpResponse:
        """Everybody in one direction of its reach."""
        if direction not in ("in", "out"):
            raise Http404
        return reach_page(request, self.find(request, str(pk)), direction, self._context(request))

    def map_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The map as the node sees it."""
        return map_page(request, self.find(request, str(pk)), self._context(request))

    def map_json_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The same as the bytes that its agent is told."""
        return map_document(request, self.find(request, str(pk)))

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        request.current_app = self.admin_site.name
        crumbs = [{"label": self.list_title(), "url": self.url("changelist")}]
        return {**self.admin_site.each_context(request), "opts": self.model._meta, "gw_crumbs": crumbs}

    def heading(self, request: HttpRequest, obj: Any) -> SafeString:
        """Glyph and full name."""
        return format_html(
            "{}<span>{}<span>.{}</span></span>",
            html.glyph(obj.gw_live.glyph, big=True),
            obj.name,
            obj.network.domain,
        )

    def headline(self, request: HttpRequest, obj: Any) -> Sequence[Any]:
        """Status, owner, addresses, system, key."""
        state: live.Live = obj.gw_live
        line = [self._state_words(obj, state), links.belongs_to(obj)]
        line.append(self.address_list(obj))
        if obj.os:
            agent = f", agent {obj.agent_version}" if obj.agent_version else ""
            line.append(format_html("<span>{} {}{}</span>", obj.os, obj.os_version, agent))
        if obj.key_expires_at is None:
            line.append(html.dim("key never expires"))
        else:
            line.append(format_html("<span>key ends {}</span>", self.key_expires(obj)))
        way = map_line(request, obj)
        return line if way is None else [*line, way]

    def _state_words(self, obj: Node, state: live.Live) -> SafeString:
        """``Online for 8 days``, as far as its history tells."""
        span = obj.online_spans.order_by("-began").first() if state.status in ("online", "offline") else None
        since = None if span is None else span.began if state.status == "online" else span.ended
        if since is None or (state.status == "online") is not (span is not None and span.ended is None):
            return format_html('<span class="gw-ink gw-strong">{}</span>', state.word)
        words = html.instant(since, html.span_words(timezone.now() - since), css="gw-ink gw-strong gw-nowrap")
        return format_html("<span>{} for {}</span>", state.word, words)

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """The cards of its page."""
        return node_sections(request, obj)


def _device(os: str) -> str:
    """The icon of a kind of machine."""
    name = os.lower()
    if any(word in name for word in ("android", "ios", "iphone")):
        return "smartphone"
    if any(word in name for word in ("macos", "darwin")):
        return "laptop_mac"
    if "windows" in name:
        return "desktop_windows"
    return "deployed_code"
