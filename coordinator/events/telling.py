"""Events in plain words, one line each, for programs, files and the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from coordinator.cli.changes import change_values
from coordinator.events.entry import Event
from sessions_app.models import AuditEntry, User

COLUMNS: Final = (
    "at", "last_at", "count", "source", "kind", "version", "network", "actor", "actor_name", "origin", "request_id",
    "summary", "nodes", "ref",
)  # fmt: skip


def event_values(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Events as ``COLUMNS`` has them, each a mapping of texts, numbers, instants and None."""
    events = list(events)
    changes = [event.change for event in events if event.change is not None]
    told = dict(zip([change.pk for change in changes], change_values(changes), strict=True))
    names = _people([event.audit for event in events if event.audit is not None])
    return [
        _of_change(event, told[event.change.pk]) if event.change is not None else _of_entry(event, names)
        for event in events
    ]


def _of_change(event: Event, told: Mapping[str, Any]) -> dict[str, Any]:
    change = event.change
    assert change is not None
    return {
        "at": change.created_at,
        "last_at": change.created_at,
        "count": 1,
        "source": "map",
        "kind": change.kind,
        "version": change.version,
        "network": change.network.name,
        "actor": change.actor,
        "actor_name": told["actor_name"],
        "origin": change.origin,
        "request_id": change.request_id,
        "summary": told["summary"],
        "nodes": told["nodes"],
        "ref": event.ref,
    }


def _of_entry(event: Event, names: Mapping[int, str]) -> dict[str, Any]:
    entry = event.audit
    assert entry is not None
    ident = _user_id(entry.actor)
    return {
        "at": entry.created_at,
        "last_at": entry.last_at,
        "count": entry.count,
        "source": "access",
        "kind": entry.kind,
        "version": None,
        "network": None,
        "actor": entry.actor,
        "actor_name": names.get(ident, f"user {ident}") if ident is not None else entry.actor,
        "origin": entry.origin,
        "request_id": entry.request_id,
        "summary": audit_summary(entry),
        "nodes": [],
        "ref": event.ref,
    }


def audit_summary(entry: AuditEntry) -> str:
    """What an entry says, without who did it."""
    facts: Mapping[str, Any] = entry.facts
    if facts.get("more"):
        return f"{entry.get_kind_display().lower()}: more of them than are kept one by one"
    told = _TOLD.get(entry.kind)
    login = str(facts.get("login") or "")
    return told(facts, login, entry.kind) if told else f"{login}: {entry.get_kind_display().lower()}"


def _login_failed(facts: Mapping[str, Any], login: str, kind: str) -> str:
    said = f"login as {login} failed" if login else "login failed: no such user"
    return f"{said}, too many attempts" if facts.get("reason") == "throttled" else said


def _denied(facts: Mapping[str, Any], login: str, kind: str) -> str:
    forged = ", a forged or outdated form" if facts.get("reason") == "forged" else ""
    return f"{facts.get('method', '')} {facts.get('path', '')} refused{forged}"


def _link(facts: Mapping[str, Any], login: str, kind: str) -> str:
    what = "invitation" if facts.get("purpose") == "invite" else "link for a new password"
    return f"{what} of {login} {kind.removeprefix('link_')}"


def _token(facts: Mapping[str, Any], login: str, kind: str) -> str:
    act = {"token_made": "made", "token_used": "used from a new address"}.get(kind)
    return f"API token {facts.get('name', '')} of {login} {act or 'refused'}"


def _sessions_ended(facts: Mapping[str, Any], login: str, kind: str) -> str:
    return f"{facts.get('number', 0)} sessions of {login} ended"


def _password_set(facts: Mapping[str, Any], login: str, kind: str) -> str:
    return f"new password of {login}{' by a link' if facts.get('how') == 'link' else ''}"


def _key(facts: Mapping[str, Any], login: str, kind: str) -> str:
    name = facts.get("name") or facts.get("auth_key", "")
    whose = ", ".join(facts.get("tags") or ()) or login
    return f"auth key {name} for machines of {whose} made"


_TOLD: Final[Mapping[str, Callable[[Mapping[str, Any], str, str], str]]] = {
    "login_failed": _login_failed,
    "denied": _denied,
    "link_made": _link,
    "link_revoked": _link,
    "link_used": _link,
    "token_made": _token,
    "token_used": _token,
    "token_refused": _token,
    "key_made": _key,
    "password_set": _password_set,
    "sessions_ended": _sessions_ended,
}


def _people(entries: Iterable[AuditEntry]) -> dict[int, str]:
    wanted = {ident for entry in entries if (ident := _user_id(entry.actor)) is not None}
    return dict(User.objects.filter(pk__in=wanted).values_list("pk", "username"))


def _user_id(actor: str) -> int | None:
    kind, _, ident = actor.partition(":")
    return int(ident) if kind == "user" and ident.isdigit() else None
