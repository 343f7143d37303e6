"""Changes told as sentences: what happened, to whom, and who did it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from nodes.facts import homes_told, patched_ids
from nodes.models import Change, Node
from nodes.selectors.about import node_ids_of
from portal import html, links
from sessions_app.models import AuditEntry, User

ICONS = {
    "nodes": "dns",
    "endpoints": "lan",
    "presence": "sensors",
    "sessions": "logout",
    "policy": "rule",
    "users": "group",
    "network": "settings",
    "credentials": "key_off",
    "login": "login",
    "login_failed": "no_accounts",
    "logout": "logout",
    "sessions_ended": "logout",
    "password_set": "password",
    "denied": "block",
    "link_made": "person_add",
    "link_revoked": "link_off",
    "link_used": "how_to_reg",
    "token_made": "key",
    "token_used": "key",
    "token_refused": "key_off",
    "key_made": "key",
}
NAMED = 4
MOST_LOOKED_UP = 100
_SESSION_ENDS = {
    "expired": "has an expired session",
    "revoked": "had its session revoked",
    "replaced": "registered anew",
    "logged_out": "logged out",
}
_SYSTEM = {
    "sweep": "no heartbeat",
    "expiry": "its time was over",
    "configuration": "by the configuration file",
    "presence": "heartbeats",
    "trial": "nobody confirmed it in time",
}


class Names:
    """The present names of all nodes and people that some changes speak of, in two queries; nodes that are gone are
    called what the change says that took them."""

    def __init__(self, changes: Iterable[Change | AuditEntry]) -> None:
        nodes: set[int] = set()
        users: set[int] = set()
        self.gone: list[Mapping[str, str]] = []
        for change in changes:
            if isinstance(change, Change):
                nodes.update(node_ids_of(change)[:MOST_LOOKED_UP])
                if isinstance(change.facts, dict) and isinstance(told := change.facts.get("names"), dict):
                    self.gone.append(told)
            elif isinstance(ident := change.facts.get("user"), int):
                users.add(ident)
            kind, _, ident = change.actor.partition(":")
            if ident.isdigit():
                {"node": nodes, "user": users}.get(kind, set()).add(int(ident))
        self.nodes = dict(Node.objects.filter(pk__in=nodes).values_list("pk", "name"))
        self.users = {user.pk: user for user in User.objects.filter(pk__in=users)}

    def node(self, pk: int, fallback: str = "") -> SafeString:
        """A node by name, linked while it exists and dim afterwards."""
        if pk in self.nodes:
            return html.link(links.change_url("nodes.node", pk), self.nodes[pk])
        name = fallback or next((told[str(pk)] for told in self.gone if str(pk) in told), "")
        return html.gone(name) if name else format_html("<b>node {}</b>", pk)

    def node_list(self, ids: list[int], fallback: str = "") -> SafeString:
        """Up to four by name, the rest as a number."""
        named = format_html_join(", ", "{}", ((self.node(pk, fallback),) for pk in ids[:NAMED]))
        more = len(ids) - NAMED
        return format_html("{} and {} more", named, more) if more > 0 else named

    def actor(self, actor: str) -> SafeString:
        """Who did it."""
        kind, _, ident = actor.partition(":")
        if kind == "user" and ident.isdigit():
            user = self.users.get(int(ident))
            return format_html("by {}", links.person(user)) if user else html.dim(f"by user {ident}")
        if kind == "node":
            return html.dim("by its agent")
        if kind == "command":
            return html.dim("by a command")
        if kind == "anonymous":
            return html.dim("by nobody known")
        if kind == "registration":
            return html.dim("with an auth key")
        return html.dim(_SYSTEM.get(ident, f"by the portal: {ident or actor}"))


def sentence(change: Change, names: Names) -> SafeString:
    """What a change did, in one line. A kind this does not know is told by its name."""
    if change.pruned:
        return format_html("{} changed, and the facts are not kept any longer", change.kind.capitalize())
    said: Mapping[str, Any] = change.facts if isinstance(change.facts, dict) else {}
    teller = _TELLERS.get(change.kind)
    return teller(said, names, change) if teller else format_html("{} changed", change.kind)


def _nodes(said: Mapping[str, Any], names: Names, change: Change) -> SafeString:
    gone = [pk for pk in said.get("removed") or [] if isinstance(pk, int)]
    if gone:
        return format_html("{} left the network", names.node_list(gone, str(said.get("name", ""))))
    rows = [item for item in said.get("nodes") or [] if isinstance(item, dict)]
    patched = [item["set"] for item in said.get("patched") or []]
    ids = [*(row["id"] for row in rows if "id" in row), *patched_ids(said)]
    listed = names.node_list(ids)
    states = {row.get("state") for row in rows} | {new.get("state") for new in patched}
    if "enrolment" in said:
        return format_html("{} was let in", listed)
    if change.actor.startswith("registration"):
        return format_html("{} registered", listed)
    word = {"disabled": "disabled", "expired": "expired", "pending": "waiting"}.get(str(next(iter(states), "")), "")
    if len(states) == 1 and word:
        return format_html("{} {} {}", listed, "is" if len(ids) == 1 else "are", word)
    if patched and not rows and all("tags" in new for new in patched):
        return format_html("{} {} other tags", listed, "has" if len(ids) == 1 else "have")
    return format_html("{} changed", listed)


def _endpoints(said: Mapping[str, Any], names: Names, change: Change) -> SafeString:
    pairs = sorted((said.get("endpoints") or {}).items())
    if len(pairs) != 1:
        return format_html("Endpoints of {} changed", names.node_list(node_ids_of(change)))
    node_id, endpoints = pairs[0]
    where = format_html_join(", ", '<span class="gw-mono">{}</span>', ((item,) for item in list(endpoints)[:3]))
    return format_html("{} is at {}", names.node(int(node_id)), where or "no known endpoint")


def _presence(said: Mapping[str, Any], names: Names, change: Change) -> SafeString:
    online = [pk for pk in said.get("online") or [] if isinstance(pk, int)]
    offline = [pk for pk in node_ids_of(change) if pk not in online]
    parts = []
    if online:
        parts.append(format_html("{} {} online", names.node_list(online), "is" if len(online) == 1 else "are"))
    if offline:
        parts.append(format_html("{} went offline", names.node_list(offline)))
    return format_html_join("; ", "{}", ((part,) for part in parts)) or format_html("Presence changed")


def _sessions(said: Mapping[str, Any], names: Names, change: Change) -> SafeString:
    if said.get("started"):
        words = "renewed its session" if said.get("renewed") else "has a new session"
        return format_html("{} {}", names.node_list(node_ids_of(change)), words)
    ended = _SESSION_ENDS.get(str(said.get("reason")), "ended its session")
    return format_html("{} {}", names.node_list(node_ids_of(change)), ended)


def _policy(said: Mapping[str, Any], names: Names, change: Change) -> SafeString:
    rules = said.get("rules") or []
    url = links.rules_url()
    policy = html.link(url, f"Policy {said.get('policy_version', '')}".strip())
    trial = said.get("trial")
    if isinstance(trial, dict):
        return format_html("{} is {} after its trial", policy, trial.get("outcome", ""))
    return format_html('{} is in force <span class="gw-dim">{}</span>', policy, html.many(len(rules), "rule"))


def _users(said: Mapping[str, Any], names: Names, change: Change) -> SafeString:
    gone = [str(item.get("login", "")) for item in said.get("deleted") or [] if isinstance(item, dict)]
    if gone:
        return format_html("User {} is deleted", ", ".join(gone))
    rows = [item for item in said.get("users") or [] if isinstance(item, dict)]
    made = (
        (
            html.link(
                links.change_url("sessions_app.user", row["id"]),
                row.get("display_name") or row.get("login") or row["id"],
            ),
            "changed" if row.get("is_active", True) else "is disabled",
        )
        for row in rows[:NAMED]
        if isinstance(row.get("id"), int)
    )
    return format_html_join(", ", "User {} {}", made) or format_html("People changed")


def _credentials(said: Mapping[str, Any], names: Names, change: Change) -> SafeString:
    told = [
        format_html(words, row.get("name") or row.get("login") or row.get("id"))
        for key, words in (
            ("auth_keys", "Auth key {} has ended"),
            ("api_tokens", "API token {} has ended"),
            ("released_keys", "The key of {} is released"),
            ("enrolments", "{} asked to join and was rejected"),
            ("passwords", "The password of {} is set"),
        )
        for row in said.get(key) or []
        if isinstance(row, dict)
    ]
    return format_html_join("; ", "{}", ((item,) for item in told)) or format_html("Credentials changed")


def _network(said: Mapping[str, Any], names: Names, change: Change) -> SafeString:
    told = format_html("Settings, DNS or relays of <b>{}</b> changed", (said.get("network") or {}).get("name", ""))
    homes = ((names.node_list(ids), code or "none") for code, ids in homes_told(said))
    return told + format_html_join("", "; home relay of {}: {}", homes)


_TELLERS = {
    "nodes": _nodes,
    "endpoints": _endpoints,
    "presence": _presence,
    "sessions": _sessions,
    "policy": _policy,
    "users": _users,
    "network": _network,
    "credentials": _credentials,
}


def event_lines(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Changes as the list of events shows them."""
    changes = list(changes)
    names = Names(changes)
    return [
        {
            "at": change.created_at,
            "icon": ICONS.get(change.kind, "history"),
            "text": sentence(change, names),
            "by": names.actor(change.actor),
            "version": change.version,
            "url": links.change_url("nodes.change", change.pk),
        }
        for change in changes
    ]
