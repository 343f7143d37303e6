"""Who looks at the page being made, so that nothing on it leads where this person may not go."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from sessions_app.roles import allows

# The capability that shows each model's pages, as its ModelAdmin says too (a test holds them together).
_RIGHTS: Final = {
    "nodes.node": "nodes.view",
    "nodes.nodetag": "nodes.view",
    "nodes.endpoint": "nodes.view",
    "nodes.observation": "nodes.view",
    "nodes.route": "nodes.view",
    "nodes.retiredkey": "nodes.view",
    "nodes.job": "nodes.view",
    "nodes.onlinespan": "nodes.view",
    "nodes.historycursor": "network.view",
    "nodes.sample": "network.view",
    "nodes.traffichour": "nodes.view",
    "nodes.traffictotal": "nodes.view",
    "nodes.network": "network.view",
    "nodes.address": "network.view",
    "nodes.namereservation": "network.view",
    "nodes.relayregion": "network.view",
    "nodes.relayserver": "network.view",
    "nodes.dnsrecord": "network.view",
    "nodes.change": "changes.view",
    "acl": "policy.view",
    "sessions_app.user": "users.view",
    "sessions_app.apitoken": "users.view",
    "sessions_app.passwordlink": "users.view",
    "sessions_app.auditentry": "changes.view",
    "sessions_app.authkey": "keys.view",
    "sessions_app.authkeyuse": "keys.view",
    "sessions_app.enrolment": "nodes.view",
    "sessions_app.usedchallenge": "keys.view",
    "sessions_app.nodesession": "nodes.view",
}


@dataclass(frozen=True, slots=True, eq=False)
class _Viewer:
    """Holds a request's user, who is read from the database when first asked about: whoever carries contexts between
    threads compares what they hold, and may not ask the database by that."""

    user: Any


_viewer: ContextVar[_Viewer] = ContextVar("gw_viewer", default=_Viewer(None))  # noqa: B039 - it is frozen


def look_as(user: Any) -> None:
    """Pages made from here on, in this context, are for ``user``. Set at the beginning of each request."""
    _viewer.set(_Viewer(user))


def right_to_see(model: str) -> str:
    """The capability that shows the pages of ``nodes.node`` and the like."""
    return _RIGHTS.get(model) or _RIGHTS[model.split(".", maxsplit=1)[0]]


def may_see(model: str) -> bool:
    """Whether the person who looks may see the pages of ``model``. Nobody sees anything."""
    return allows(_viewer.get().user, right_to_see(model))
