"""What each role may do. The one place that decides: admin pages, API and sockets ask here."""

from __future__ import annotations

from typing import Final

from sessions_app.models import User

_VIEW: Final = frozenset({"nodes.view", "policy.view", "network.view", "keys.view", "users.view", "changes.view"})
_SUPPORT: Final = frozenset({"nodes.view", "nodes.approve", "nodes.expire", "network.view"})
_NETWORK_ADMIN: Final = _VIEW | {"policy.manage", "network.manage", "routes.manage"}
_ADMIN: Final = _NETWORK_ADMIN | {
    "nodes.approve",
    "nodes.expire",
    "nodes.manage",
    "keys.manage",
    "users.manage",
}

CAPABILITIES: Final[dict[str, frozenset[str]]] = {
    User.Role.OWNER: _ADMIN | {"owners.manage"},
    User.Role.ADMIN: _ADMIN,
    User.Role.NETWORK_ADMIN: _NETWORK_ADMIN,
    User.Role.SUPPORT: _SUPPORT,
    User.Role.AUDITOR: _VIEW,
    User.Role.MEMBER: frozenset(),
}
ALL_CAPABILITIES: Final = frozenset().union(*CAPABILITIES.values())


def allows(user: object, capability: str) -> bool:
    """Whether ``user`` may do what ``capability`` names. Unknown users, roles and disabled users may nothing.

    Raises ValueError for a capability that no role knows: a misspelt check must not pass for a refusal.
    """
    if capability not in ALL_CAPABILITIES:
        raise ValueError(f"No role knows the capability {capability!r}.")
    if not isinstance(user, User) or not user.is_active:
        return False
    return capability in CAPABILITIES.get(user.role, frozenset())
