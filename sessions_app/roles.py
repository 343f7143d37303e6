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

OWN: Final = "own"
"""No capability of a role but a scope of API tokens: what belongs to the person, such as devices and tokens."""


def scopes_of_role(role: str) -> frozenset[str]:
    """What a token of a person with this role may be allowed at most."""
    return CAPABILITIES.get(role, frozenset()) | {OWN}


def allows_own(user: object) -> bool:
    """Whether ``user``, with the token that speaks for it if there is one, may act upon what is its own."""
    if not isinstance(user, User) or not user.is_active:
        return False
    return user.token_scopes is None or OWN in user.token_scopes


def may_manage_person(actor: object, role: str) -> bool:
    """Whether ``actor`` may invite, change and send away people of ``role``. Only owners manage owners."""
    return allows(actor, "users.manage") and (role != User.Role.OWNER or allows(actor, "owners.manage"))


def allows(user: object, capability: str) -> bool:
    """Whether ``user`` may do what ``capability`` names. Unknown users, roles and disabled users may nothing.

    Where an API token speaks for the user it may narrow that, never widen it.

    Raises ValueError for a capability that no role knows: a misspelt check must not pass for a refusal.
    """
    if capability not in ALL_CAPABILITIES:
        raise ValueError(f"No role knows the capability {capability!r}.")
    if not isinstance(user, User) or not user.is_active:
        return False
    if user.token_scopes is not None and capability not in user.token_scopes:
        return False
    return capability in CAPABILITIES.get(user.role, frozenset())
