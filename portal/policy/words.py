"""Rules of a version in sentences, from facts that carry people's names already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from acl.stored import schedule_of
from portal import html
from portal.rule_words import limits_in_words, put_together, services_words

Pages = Mapping[str, str]
"""Where selectors lead, by what they are called."""


def rule_sentence(rule: Mapping[str, Any], pages: Pages, *, off: bool = False) -> SafeString:
    """``source wire destination on ports, when, if`` of a rule as ``coordinator.policy.history.readable`` has it."""
    off = off or not rule["enabled"]
    return put_together(
        accepts=rule["action"] == "accept",
        off=off,
        sources=side(rule["sources"], pages, off=off),
        destinations=side(rule["destinations"], pages, off=off),
        services=services_words(rule["protocols"], rule["ports"]),
        limits=limits_in_words(schedule_of(rule["schedule"]), rule["conditions"]),
        state="" if rule["enabled"] else ", off",
    )


def rule_name(rule: Mapping[str, Any]) -> SafeString | str:
    """Name and comment, as they stand under a rule."""
    if not rule["name"] and not rule["comment"]:
        return ""
    return format_html('{} <span class="gw-dim">{}</span>', rule["name"], rule["comment"])


def side(selectors: Iterable[str], pages: Pages, *, off: bool = False) -> SafeString:
    """Selectors as chips, leading to what they name."""
    return format_html_join("", "{}", ((html.chip(text, off=off, url=pages.get(text, "")),) for text in selectors))


def selectors_of(rules: Iterable[Mapping[str, Any]]) -> set[str]:
    """Every selector that some rules name."""
    return {text for rule in rules for text in (*rule["sources"], *rule["destinations"])}
