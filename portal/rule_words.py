"""Rules of the policy in words: who, on what, when and if, the same wherever a rule is told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any, Final

from django.utils.html import format_html
from django.utils.safestring import SafeString

from acl.models import AclRule
from acl.selectors import rule_value
from mesh.policy import Labels, Rule, Schedule, format_protocol
from mesh.policy.conditions import condition_to_json
from mesh.policy.schedule import WEEKDAYS, format_minutes
from portal import html, links

OS_IS: Final = "os is "
AGENT_IS_AT_LEAST: Final = "agent is at least "
_DAYS: Final = {
    frozenset[int](): "daily",
    frozenset(range(7)): "daily",
    frozenset(range(5)): "weekdays",
    frozenset((5, 6)): "weekends",
}


def sentence(rule: AclRule, labels: Labels) -> SafeString:
    """``source wire destination on ports, when, if`` of a rule as it is stored."""
    off, limits = not rule.enabled, limit_words(rule_value(rule))
    return put_together(
        accepts=rule.action == "accept",
        off=off,
        sources=_side(rule.sources, labels, off),
        destinations=_side(rule.destinations, labels, off),
        services=services_words(map(format_protocol, rule.protocols), map(port_words, rule.ports)),
        limits=limits,
    )


def put_together(
    *,
    accepts: bool,
    off: bool,
    sources: SafeString,
    destinations: SafeString,
    services: SafeString,
    limits: str,
    state: str = "",
) -> SafeString:
    """The sentence of a rule from its parts; ``state`` ends it. The wire is dashed where it holds at times only."""
    return format_html(
        '<span class="gw-sentence">{}{}<span class="gw-sr">{}</span>{}<span>{}{}{}</span></span>',
        sources,
        html.wire(("times" if limits else "accept") if accepts else "deny", off=off),
        "may reach" if accepts else "may not reach",
        destinations,
        services,
        f", {limits}" if limits else "",
        state,
    )


def services_words(protocols: Iterable[str], ports: Iterable[str]) -> SafeString:
    """``on tcp/22, 8000-8999`` or ``on any port``."""
    names, numbers = ", ".join(protocols), ", ".join(ports)
    if not names and not numbers:
        return html.dim("on any port")
    words = f"{names}/{numbers}" if names and numbers else names or numbers
    return format_html('on <span class="gw-mono gw-ink">{}</span>', words)


def port_words(item: Any) -> str:
    """``22`` or ``8000-8999``."""
    first, last = item
    return str(first) if first == last else f"{first}-{last}"


def limit_words(rule: Rule) -> str:
    """``weekdays 08:00-18:00 Europe/Berlin, if os is linux``: when a rule holds; nothing where that is always."""
    return limits_in_words(rule.schedule, map(condition_to_json, rule.conditions))


def limits_in_words(schedule: Schedule | None, conditions: Iterable[Mapping[str, Any]]) -> str:
    """The same of a schedule and of conditions as they are stored."""
    parts = [] if schedule is None else [schedule_words(schedule)]
    demands = " and ".join(map(condition_words, conditions))
    return ", ".join([*parts, f"if {demands}"] if demands else parts)


def schedule_words(schedule: Schedule) -> str:
    """``weekdays 08:00-18:00 Europe/Berlin, until 31 Dec 2026 18:00 UTC``."""
    parts: list[str] = []
    if schedule.has_window:
        window = [_days_words(schedule.weekdays)]
        if schedule.start is not None and schedule.end is not None:
            window.append(f"{format_minutes(schedule.start)}-{format_minutes(schedule.end)}")
        parts.append(" ".join([*window, schedule.timezone]))
    for word, at in (("from", schedule.not_before), ("until", schedule.expires_at)):
        if at is not None:
            parts.append(f"{word} {at.astimezone(UTC):%-d %b %Y %H:%M} UTC")
    return ", ".join(parts) or "always"


def _days_words(days: frozenset[int]) -> str:
    """``weekdays``, ``weekends``, ``daily`` or ``mon,wed``."""
    return _DAYS.get(days) or ",".join(WEEKDAYS[day] for day in sorted(days))


def condition_words(condition: Mapping[str, Any]) -> str:
    """A stored condition as a line that ``portal.admin.rule_form.parse_condition`` reads back."""
    if "os" in condition:
        return OS_IS + " or ".join(condition["os"])
    if "agent_version" in condition:
        return AGENT_IS_AT_LEAST + str(condition["agent_version"])
    name = condition["attribute"]
    if "equals" in condition:
        return f"{name} is {json.dumps(condition['equals'], ensure_ascii=False)}"
    if "in" in condition:
        return f"{name} is " + " or ".join(json.dumps(item, ensure_ascii=False) for item in condition["in"])
    return f"{name} is reported"


def _side(stored: list[str], labels: Labels, off: bool) -> SafeString:
    return html.folded(links.selector_chip(item, labels, off=off) for item in stored)
