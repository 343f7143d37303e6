"""Rules of a version in sentences, from facts that carry people's names already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from acl.stored import schedule_of
from mesh.policy.schedule import describe_schedule
from portal import html
from portal.admin.rule_form import condition_words

Pages = Mapping[str, str]
"""Where selectors lead, by what they are called."""


def rule_sentence(rule: Mapping[str, Any], pages: Pages, *, off: bool = False) -> SafeString:
    """``source wire destination on ports, when, if`` of a rule as ``coordinator.policy.history.readable`` has it."""
    off = off or not rule["enabled"]
    when = _when(rule)
    kind = "times" if when and rule["action"] == "accept" else rule["action"]
    return format_html(
        '<span class="gw-sentence">{}{}<span class="gw-sr">{}</span>{}<span>{}{}{}</span></span>',
        side(rule["sources"], pages, off=off),
        html.wire(kind, off=off),
        "may reach" if rule["action"] == "accept" else "may not reach",
        side(rule["destinations"], pages, off=off),
        services(rule["protocols"], rule["ports"]),
        when,
        "" if rule["enabled"] else ", off",
    )


def rule_name(rule: Mapping[str, Any]) -> SafeString | str:
    """Name and comment, as they stand under a rule."""
    if not rule["name"] and not rule["comment"]:
        return ""
    return format_html('{} <span class="gw-dim">{}</span>', rule["name"], rule["comment"])


def side(selectors: Iterable[str], pages: Pages, *, off: bool = False) -> SafeString:
    """Selectors as chips, leading to what they name."""
    return format_html_join("", "{}", ((html.chip(text, off=off, url=pages.get(text, "")),) for text in selectors))


def services(protocols: Iterable[str], ports: Iterable[str]) -> SafeString:
    """``on tcp/22, 8000-8999`` or ``on any port``."""
    names, numbers = ", ".join(protocols), ", ".join(ports)
    if not names and not numbers:
        return html.dim("on any port")
    words = f"{names}/{numbers}" if names and numbers else names or numbers
    return format_html('on <span class="gw-mono gw-ink">{}</span>', words)


def selectors_of(rules: Iterable[Mapping[str, Any]]) -> set[str]:
    """Every selector that some rules name."""
    return {text for rule in rules for text in (*rule["sources"], *rule["destinations"])}


def _when(rule: Mapping[str, Any]) -> str:
    parts = []
    schedule = schedule_of(rule["schedule"])
    if schedule is not None:
        words = describe_schedule(schedule)
        parts.append(words.replace("mon,tue,wed,thu,fri", "weekdays").replace("sat,sun", "weekends"))
    if rule["conditions"]:
        parts.append("if " + " and ".join(condition_words(item) for item in rule["conditions"]))
    return "".join(f", {part}" for part in parts)
