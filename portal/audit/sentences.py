"""Entries of the audit trail told as sentences: who came in, who was refused, who was invited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal import html, links
from portal.account.browsers import browser_words
from portal.events import Names
from sessions_app.models import AuditEntry


def audit_sentence(entry: AuditEntry, names: Names) -> SafeString:
    """What an entry of the audit trail says, in one line, with its person linked and how often it repeated."""
    facts: Mapping[str, Any] = entry.facts
    person: Any = names.users.get(facts.get("user") or 0)
    who = links.person(person) if person is not None else format_html("{}", facts.get("login") or "somebody")
    if facts.get("more"):
        said = format_html("More that was refused than is kept one by one ({})", entry.get_kind_display().lower())
    else:
        said = _AUDIT.get(entry.kind, _plainly)(facts, who, entry)
    if entry.count > 1:
        said = format_html('{} <span class="gw-count">{} times in a minute</span>', said, entry.count)
    return said


def _plainly(facts: Mapping[str, Any], who: SafeString, entry: AuditEntry) -> SafeString:
    return format_html("{}: {}", who, entry.get_kind_display().lower())


def _login(facts: Mapping[str, Any], who: SafeString, entry: AuditEntry) -> SafeString:
    browser = browser_words(str(facts.get("browser") or ""))
    return format_html('{} logged in <span class="gw-dim">{}</span>', who, browser)


def _logout(facts: Mapping[str, Any], who: SafeString, entry: AuditEntry) -> SafeString:
    return format_html("{} logged out", who)


def _login_failed(facts: Mapping[str, Any], who: SafeString, entry: AuditEntry) -> SafeString:
    wait = " after too many attempts" if facts.get("reason") == "throttled" else ""
    if not facts.get("login"):
        return format_html("A login as nobody known was refused{}", wait)
    return format_html("A login as {} was refused{}", who, wait)


def _denied(facts: Mapping[str, Any], who: SafeString, entry: AuditEntry) -> SafeString:
    what = html.mono(f"{facts.get('method', '')} {facts.get('path', '')}")
    forged = ": the form was forged or too old" if facts.get("reason") == "forged" else ""
    return format_html("{} was refused{}", what, forged)


def _link(facts: Mapping[str, Any], who: SafeString, entry: AuditEntry) -> SafeString:
    invite = facts.get("purpose") == "invite"
    words = {
        "link_made": ("{} is invited", "{} gets a link for a new password"),
        "link_revoked": ("The invitation of {} is revoked", "The link of {} for a new password is revoked"),
        "link_used": ("{} accepted the invitation", "{} set a new password by a link"),
    }[entry.kind]
    return format_html(words[0] if invite else words[1], who)


def _token(facts: Mapping[str, Any], who: SafeString, entry: AuditEntry) -> SafeString:
    words = {
        "token_made": "API token <b>{}</b> of {} is made",
        "token_used": "API token <b>{}</b> of {} is used from a new address",
        "token_refused": "API token <b>{}</b> of {} was refused: {}",
    }[entry.kind]
    return format_html(words, facts.get("name", ""), who, facts.get("reason", ""))


def _sessions_ended(facts: Mapping[str, Any], who: SafeString, entry: AuditEntry) -> SafeString:
    return format_html("{} of {} logged out", html.many(int(facts.get("number") or 0), "browser"), who)


def _password_set(facts: Mapping[str, Any], who: SafeString, entry: AuditEntry) -> SafeString:
    return format_html("{} has a new password{}", who, ", set by a link" if facts.get("how") == "link" else "")


def _key(facts: Mapping[str, Any], who: SafeString, entry: AuditEntry) -> SafeString:
    ident = facts.get("auth_key") or 0
    name = html.link(links.change_url("sessions_app.authkey", ident), str(facts.get("name") or ident))
    tags = facts.get("tags") or []
    whose = html.chips(tags) if tags else who
    ends = parse_datetime(str(facts.get("expires_at") or ""))
    until = format_html("good until {}", html.instant(ends, f"{ends:%Y-%m-%d %H:%M} UTC")) if ends else "without an end"
    return format_html("Auth key {} for machines of {} is made, {}", name, whose, until)


_AUDIT = {
    "login": _login,
    "logout": _logout,
    "login_failed": _login_failed,
    "denied": _denied,
    "link_made": _link,
    "link_revoked": _link,
    "link_used": _link,
    "token_made": _token,
    "token_used": _token,
    "token_refused": _token,
    "sessions_ended": _sessions_ended,
    "password_set": _password_set,
    "key_made": _key,
}
