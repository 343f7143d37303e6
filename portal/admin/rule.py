"""Rules of the policy, as sentences, in the order in which they decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import display
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from acl.models import AclRule
from acl.selectors import labels_for
from acl.services.rules import create_rule, delete_rule, move_rule, update_rule
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import ChoiceFilter, NetworkFilter
from portal.admin.rule_form import RuleForm
from portal.cause import act
from portal.rule_words import sentence
from portal.sections import Section, facts
from portal.verbs import Question, Row, Verb, count

NOTHING = SafeString("")


class ActionFilter(ChoiceFilter):
    """Accept or deny."""

    title = "action"
    parameter_name = "action"

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """Both."""
        return {"accept": ("accept", Q(action="accept")), "deny": ("deny", Q(action="deny"))}


class EnabledFilter(ChoiceFilter):
    """On or off."""

    title = "state"
    parameter_name = "state"

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """Both."""
        return {"on": ("on", Q(enabled=True)), "off": ("off", Q(enabled=False))}


def _ask_delete(rules: Sequence[AclRule]) -> Question:
    labels = labels_for([text for rule in rules for text in (*rule.sources, *rule.destinations)])
    rows = [Row(f"{rule.position}", sentence(rule, labels), worst=rule.action == "deny") for rule in rules]
    what = f"{len(rules)} rules" if len(rules) > 1 else f"rule {rules[0].position}"
    lead = "What it accepts ends at once; what it denies is decided by the rules after it."
    tick = "Lift what it denies" if any(rule.action == "deny" for rule in rules) else ""
    keep = "Keep them" if len(rules) > 1 else "Keep it"
    return Question(f"Delete {what}?", lead, f"Delete {what}", rows, tick, keep)


def _delete(request: HttpRequest, rule: AclRule, data: dict[str, Any]) -> None:
    delete_rule(rule_id=rule.pk, forced=data["forced"], **act(request))


def _switch(enabled: bool) -> Any:
    def run(request: HttpRequest, rule: AclRule, data: dict[str, Any]) -> None:
        update_rule(rule_id=rule.pk, fields={"enabled": enabled}, forced=data["forced"], **act(request))

    return run


def _move(step: int) -> Any:
    def run(request: HttpRequest, rule: AclRule, data: dict[str, Any]) -> None:
        position = max(rule.position + step, 1)
        move_rule(rule_id=rule.pk, position=position, forced=data["forced"], **act(request))

    return run


def _said(word: str) -> Any:
    return lambda rules: f"{count(rules, 'Rule', 'rules')} {word}."


class AclRuleAdmin(ServiceAdmin):
    """The first rule that matches decides; what no rule accepts is denied."""

    page_title = "Access"
    view_right = "policy.view"
    edit_right = "policy.manage"
    add_form = edit_form = RuleForm
    add_label = "New rule"
    verbs = (
        Verb(
            "up",
            "Move up",
            "policy.manage",
            _move(-1),
            _said("moved up"),
            bulk=False,
            may_force=True,
            offered=lambda rule: rule.position > 1,
        ),
        Verb("down", "Move down", "policy.manage", _move(1), _said("moved down"), bulk=False, may_force=True),
        Verb(
            "on",
            "Turn on",
            "policy.manage",
            _switch(True),
            _said("is on"),
            may_force=True,
            offered=lambda rule: not rule.enabled,
        ),
        Verb(
            "off",
            "Turn off",
            "policy.manage",
            _switch(False),
            _said("is off"),
            may_force=True,
            offered=lambda rule: rule.enabled,
        ),
        Verb(
            "delete",
            "Delete",
            "policy.manage",
            _delete,
            _said("deleted"),
            _ask_delete,
            destroys=True,
            may_force=True,
        ),
    )
    related = (("Versions", "acl.policyversion"), ("Tests", "acl.policytest"), ("Auto approvers", "acl.autoapprover"))
    lead = "The first rule that matches decides. What no rule accepts is denied."
    empty_title = "No rule: everything is denied"
    empty_text = "Nodes see each other as soon as a rule accepts something between them."
    change_list_template = "portal/rules.html"
    list_display = ("number", "rule", "flags", "order")
    list_filter = (NetworkFilter, ActionFilter, EnabledFilter)
    search_fields = ("name", "comment")
    search_hint = "Name or comment"
    search_in = "its name or comment"
    sortable_by = ()
    list_per_page = 200
    column_css = {
        "number": "gw-c-place gw-c-plain",
        "rule": "gw-c-rule gw-c-plain",
        "flags": "gw-c-flags gw-c-plain",
        "order": "gw-c-order gw-c-plain",
    }

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """As they decide."""
        return ("network", "position")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AclRule]:
        """With the network."""
        return super().get_queryset(request).select_related("network")

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """Resolve the names of the page in two queries."""
        labels = labels_for([text for row in rows for text in (*row.sources, *row.destinations)])
        may = self._may_edit(request)
        for row in rows:
            row.gw_labels, row.gw_may, row.gw_request = labels, may, request

    def row_css(self, obj: AclRule) -> str:
        """A deny has a red edge."""
        return "gw-edge-deny" if obj.action == "deny" and obj.enabled else ""

    def create(self, request: HttpRequest, data: dict[str, Any]) -> AclRule:
        """By its service, which names what is wrong."""
        return create_rule(
            network_id=data["network"].pk,
            fields=data["fields"],
            position=data["position"],
            forced=data["forced"],
            **act(request),
        )

    def update(self, request: HttpRequest, obj: Any, data: dict[str, Any]) -> None:
        """Its fields and its place, both or neither. Refused if the policy changed since the page was opened."""
        with transaction.atomic():
            update_rule(
                rule_id=obj.pk,
                fields=data["fields"],
                forced=data["forced"],
                expected_version=data["version"],
                **act(request),
            )
            if data["position"] is not None and data["position"] != obj.position:
                move_rule(rule_id=obj.pk, position=data["position"], forced=data["forced"], **act(request))

    @display(description="")
    def number(self, obj: AclRule) -> SafeString:
        """Its place."""
        return html.link(links.change_url("acl.aclrule", obj.pk), obj.position, subject=True)

    @display(description="Rule")
    def rule(self, obj: AclRule) -> SafeString:
        """The sentence, and what it is for."""
        said = sentence(obj, obj.gw_labels)  # type: ignore[attr-defined]
        purpose = format_html("{}&ensp;{}", obj.name, html.dim(obj.comment)) if obj.name or obj.comment else ""
        return format_html('{}<span class="gw-small">{}</span>', said, purpose) if purpose else said

    @display(description="")
    def flags(self, obj: AclRule) -> SafeString:
        """Deny, off."""
        if not obj.enabled:
            return html.flag("off", "gw-dim")
        if obj.action == "deny":
            return html.flag("deny", "gw-bad")
        return NOTHING

    @display(description="")
    def order(self, obj: AclRule) -> SafeString:
        """Buttons that move it; they work without scripts."""
        if not obj.gw_may:  # type: ignore[attr-defined]
            return NOTHING
        base = links.list_url("acl.aclrule") + f"{obj.pk}/do/"
        buttons = (
            (f"{base}up/", "Move up", obj.position, "arrow_upward"),
            (f"{base}down/", "Move down", obj.position, "arrow_downward"),
        )
        return format_html(
            '<span class="gw-rowactions">{}</span>',
            format_html_join(
                "",
                '<button type="submit" class="gw-icon-button" formaction="{}" aria-label="{} rule {}">'
                '<span class="gw-icon gw-icon-s" aria-hidden="true">{}</span></button>',
                buttons,
            ),
        )

    def heading(self, request: HttpRequest, obj: Any) -> str:
        """Its place and name."""
        return f"Rule {obj.position}" + (f", {obj.name}" if obj.name else "")

    def headline(self, request: HttpRequest, obj: Any) -> Sequence[Any]:
        """The sentence."""
        return (sentence(obj, obj.gw_labels), self.flags(obj))

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """For those who may not edit it, what it says."""
        if obj.gw_may:
            return []
        return [Section("Rule", span=12, facts=facts(("Name", obj.name), ("Comment", obj.comment)))]
