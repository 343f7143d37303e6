"""The change log: every step of the map, who caused it, and what was so before and after. Its list is all events."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from acl.models import PolicyVersion
from coordinator.delivery import delivery_of
from coordinator.events import before_after
from nodes.models import Change, Node
from portal import events, html, links
from portal.admin.base import ServiceAdmin
from portal.audit.page import events_file, events_page
from portal.sections import Section, facts
from portal.viewer import may_see

SHOWN_BYTES = 64 * 1024
NAMED = 12


class ChangeAdmin(ServiceAdmin):
    """Read only: ``nodes.changes.record_change`` writes it."""

    page_title = "Events"
    view_right = "changes.view"
    list_display = ("subject",)

    def get_urls(self) -> list[URLPattern]:
        """The pages, and the list as a file."""
        export = self.admin_site.admin_view(events_file)
        return [path("export/<slug:form>/", export, name="events_file"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """All events, these changes among them."""
        return events_page(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Change]:
        """With the network."""
        return super().get_queryset(request).select_related("network")

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """Resolve the names of the page at once."""
        names = events.Names(rows)
        for row in rows:
            row.gw_names = names

    @display(description="Map")
    def subject(self, obj: Change) -> SafeString:
        """Leads to its page."""
        return html.link(links.change_url("nodes.change", obj.pk), html.mono(obj.version), subject=True)

    def heading(self, request: HttpRequest, obj: Any) -> str:
        """The version."""
        return f"Map {obj.version}"

    def headline(self, request: HttpRequest, obj: Any) -> Sequence[Any]:
        """What happened."""
        icon = html.icon(events.ICONS.get(obj.kind, "history"), small=True)
        what = format_html("{} {}", icon, events.sentence(obj, obj.gw_names))
        return (what, obj.gw_names.actor(obj.actor), html.ago(obj.created_at, timezone.now()))

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """Who, from where, who has it, what was so before and after, and the facts as they were stored."""
        return [_cause(obj), _delivery(obj), _difference(obj), _facts(obj)]


def _cause(change: Change) -> Section:
    where = html.link(links.change_url("nodes.network", change.network_id), change.network.name)
    return Section(
        "Cause",
        facts=facts(
            ("Network", where),
            ("Kind", html.mono(change.kind)),
            ("Actor", html.mono(change.actor)),
            ("From", html.mono(change.origin)),
            ("Request", html.mono(change.request_id)),
            ("At", html.instant(change.created_at, f"{change.created_at:%Y-%m-%d %H:%M:%S} UTC")),
        ),
    )


def _delivery(change: Change) -> Section:
    """How many of the connected agents that it concerns have this version."""
    found = delivery_of(network_id=change.network_id, version=change.version)
    ident, refresh = "gw-delivery", "nodes presence"
    if found.acknowledged is None or found.waiting is None:
        text = "This change lies too far back to tell whose maps it changed."
        return Section("Delivery", empty=text)
    have, all_of_them = len(found.acknowledged), len(found.acknowledged) + len(found.waiting)
    if not all_of_them:
        text = "It changed the map of no agent that is connected."
        return Section("Delivery", empty=text, ident=ident, refresh=refresh)
    wanted = [*found.waiting[:NAMED], *([] if found.last_node is None else [found.last_node])]
    names = {node.pk: node for node in Node.objects.filter(pk__in=wanted)}
    waiting = [links.node_link(names[pk]) for pk in found.waiting[:NAMED] if pk in names]
    last: Any = ""
    if found.last_node is not None and found.last_took is not None and found.last_node in names:
        took = f"{found.last_took.total_seconds():.1f} s"
        last = format_html("{} after {}", links.node_link(names[found.last_node]), took)
    more = len(found.waiting) - len(waiting)
    known = facts(("Have it", f"{have} of {all_of_them} connected agents that it concerns"), ("The last one", last))
    lines = [format_html("{} has not yet", item) for item in waiting]
    if more > 0 and found.waiting:
        lines.append(html.dim(f"and {more} more have not"))
    return Section("Delivery", facts=known, lines=lines, ident=ident, refresh=refresh)


def _difference(change: Change) -> Section:
    title = "Before and after"
    if change.pruned:
        text = "What this change said is not kept any longer: the configuration says for how long it is (retention)."
        return Section(title, span=12, empty=text)
    found = before_after(change)
    if found is None:
        return Section(title, span=12, empty="Changes of this kind tell of a moment. Nothing was different before.")
    things = [*(line.thing for line in found.differences), *found.new, *found.unknown]
    names = _names(things, change.facts.get("names") or {})
    rows = [(names[line.thing], line.member, line.before, line.after) for line in found.differences]
    data = {
        "rows": rows,
        "new": [names[thing] for thing in found.new],
        "unknown": [names[thing] for thing in found.unknown],
        "left_out": found.left_out,
        "version": _version(change),
    }
    return Section(title, span=12, template="portal/events_difference.html", data=data)


def _version(change: Change) -> dict[str, Any] | None:
    """The version of the policy that a change put in force, and the page that shows it rule by rule."""
    number = change.facts.get("policy_version")
    if change.kind != "policy" or change.facts.get("boundary") or not may_see("acl.policyversion"):
        return None
    if not PolicyVersion.objects.filter(network=change.network_id, number=number).exists():
        return None
    query = urlencode({"network": change.network.name})
    return {"number": number, "url": f"{reverse('admin:policy_version', args=[number])}?{query}"}


def _names(things: Sequence[str], gone: Mapping[str, str]) -> dict[str, Any]:
    """What things are called now, linked where they have a page; nodes that went are called what they were."""
    numbers = {thing: int(thing.rpartition(" ")[2]) for thing in things if thing.startswith("node ")}
    nodes = {node.pk: node for node in Node.objects.filter(pk__in=set(numbers.values()))}
    return {
        thing: links.node_link(nodes[numbers[thing]])
        if numbers.get(thing) in nodes
        else html.gone(gone[number])
        if (number := str(numbers.get(thing))) in gone
        else html.link("", thing)
        for thing in things
    }


def _facts(change: Change) -> Section:
    text = json.dumps(change.facts, indent=2, ensure_ascii=False, sort_keys=True)
    data = {"text": text[:SHOWN_BYTES], "cut": len(text) > SHOWN_BYTES, "size": len(text)}
    return Section("Facts", span=12, template="portal/events_facts.html", data=data)
