"""The kinds of pages that listen, what each is told, and the capability that each event takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mesh.change import ChangeKind
from sessions_app.roles import allows

# Every type of event, and the capability of who may know that it happened.
EVENT_RIGHTS: Final[Mapping[str, str]] = {
    ChangeKind.NODES.value: "nodes.view",
    ChangeKind.PRESENCE.value: "nodes.view",
    ChangeKind.ENDPOINTS.value: "nodes.view",
    ChangeKind.SESSIONS.value: "nodes.view",
    ChangeKind.POLICY.value: "policy.view",
    ChangeKind.USERS.value: "users.view",
    ChangeKind.NETWORK.value: "network.view",
    ChangeKind.CREDENTIALS.value: "keys.view",
    "enrolments": "nodes.view",
    "jobs": "nodes.view",
    "metrics": "nodes.view",
}
# Of these an event names the nodes.
ABOUT_NODES: Final = frozenset(
    kind.value for kind in (ChangeKind.NODES, ChangeKind.PRESENCE, ChangeKind.ENDPOINTS, ChangeKind.SESSIONS)
)
ALL: Final = frozenset(EVENT_RIGHTS)
_WAITING: Final = frozenset({"enrolments", "jobs", "metrics"})


@dataclass(frozen=True, slots=True)
class PageKind:
    """Pages of one kind. ``capability``: who may listen; empty for all who have pages under ``/admin/``."""

    name: str
    capability: str
    events: frozenset[str]


_LISTED: Final = (
    PageKind("overview", "nodes.view", ALL),
    PageKind("fleet", "nodes.view", ABOUT_NODES | _WAITING | {"users", "network", "policy"}),
    PageKind("node", "nodes.view", ABOUT_NODES | _WAITING | {"users", "network", "policy"}),
    PageKind("enrol", "keys.view", ABOUT_NODES | _WAITING | {"credentials"}),
    PageKind("approvals", "nodes.view", frozenset({"nodes", "sessions", "users", "enrolments", "jobs"})),
    PageKind("access", "policy.view", frozenset({"policy", "nodes", "presence", "users", "network", "jobs"})),
    PageKind("people", "users.view", frozenset({"users", "credentials", "nodes", "sessions", "jobs"})),
    PageKind("network", "network.view", frozenset({"network", "nodes", "presence", "policy", "metrics", "jobs"})),
    PageKind("events", "changes.view", ALL),
    PageKind("page", "", ALL),
)
KINDS: Final[Mapping[str, PageKind]] = {kind.name: kind for kind in _LISTED}

# Below ``/admin/``, the first that fits; any other page is a "page".
_PATHS: Final = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"$", "overview"),
        (r"nodes/node/(?P<id>\d{1,18})/", "node"),
        (r"nodes/(node|route|address|endpoint|observation)/|sessions_app/nodesession/", "fleet"),
        (r"sessions_app/authkey/|enrol/", "enrol"),
        (r"sessions_app/enrolment/|approvals/", "approvals"),
        (r"acl/|access/", "access"),
        (r"sessions_app/(user|apitoken)/", "people"),
        (r"nodes/(network|relayregion|relayserver|dnsrecord)/", "network"),
        (r"nodes/change/|events/", "events"),
    )
)


def kind_of_path(path: str) -> tuple[str, int | None]:
    """The kind of the page at a path below ``/admin/``, and the node that it is about."""
    for pattern, kind in _PATHS:
        found = pattern.match(path)
        if found is not None:
            ident = found.groupdict().get("id")
            return kind, None if ident is None else int(ident)
    return "page", None


def events_for(user: object, kind: PageKind) -> frozenset[str]:
    """The types of events of a kind of page that this person may know of."""
    return frozenset(event for event in kind.events if allows(user, EVENT_RIGHTS[event]))
