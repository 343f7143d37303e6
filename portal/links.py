"""Links to what a page names: nodes, people, keys. Who may not see a page gets its words without the link."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mesh.policy import Labels, parse_stored
from mesh.policy.selectors import SelectorKind, format_selector
from nodes.models import Node
from portal import html
from portal.viewer import may_see
from sessions_app.models import User


def change_url(model: str, pk: int) -> str:
    """The page of a row: ``change_url("nodes.node", 7)``; empty for who may not see it."""
    if not may_see(model):
        return ""
    return reverse(f"admin:{model.replace('.', '_')}_change", args=[pk])


def list_url(model: str, query: str = "") -> str:
    """The list of a model; empty for who may not see it."""
    if not may_see(model):
        return ""
    return reverse(f"admin:{model.replace('.', '_')}_changelist") + (f"?{query}" if query else "")


def node_link(node: Node | None, *, subject: bool = False) -> SafeString:
    """A node's name, leading to its page."""
    if node is None:
        return html.dim("nobody")
    return html.link(change_url("nodes.node", node.pk), node.name, subject=subject)


def crumb_of(node: Node) -> dict[str, str]:
    """A node above the heading of a page that hangs on it."""
    return {"label": node.name, "url": change_url("nodes.node", node.pk)}


def person(user: User | None) -> SafeString:
    """A person by display name, with the login on hover."""
    if user is None:
        return html.dim("nobody")
    name, url = user.display_name or user.username, change_url("sessions_app.user", user.pk)
    if not url:
        return format_html('<span title="{}">{}</span>', user.username, name)
    return format_html('<a href="{}" title="{}" class="gw-person">{}</a>', url, user.username, name)


def belongs_to(node: Node) -> SafeString:
    """Whose a node is: a person, or tags, never both."""
    if node.tagged:
        return html.chips(row.tag for row in node.tags.all())
    return person(node.owner) if node.owner_id is not None else html.dim("no owner yet")


def rules_url() -> str:
    """All rules, in their order; empty for who may not see them."""
    return reverse("admin:access") if may_see("acl.aclrule") else ""


def rule_url(rule_id: int) -> str:
    """A rule's place among all rules; empty for who may not see them."""
    return f"{reverse('admin:access')}#rule-{rule_id}" if may_see("acl.aclrule") else ""


def selector_chip(stored: str, labels: Labels, *, off: bool = False) -> SafeString:
    """A stored selector by its present name, leading to what it names."""
    selector = parse_stored(stored)
    urls: Mapping[Any, str] = {SelectorKind.USER: "sessions_app.user", SelectorKind.NODE: "nodes.node"}
    model = urls.get(selector.kind)
    known = {SelectorKind.USER: labels.users, SelectorKind.NODE: labels.nodes}.get(selector.kind, {})
    url = change_url(model, selector.ident) if model and selector.ident in known else ""
    return html.chip(format_selector(selector, labels), off=off, url=url)


def selector_chips(stored: Iterable[str], labels: Labels, *, off: bool = False) -> SafeString:
    """Several of them."""
    return html.chips_of(selector_chip(item, labels, off=off) for item in stored)
