"""The roles and what each may, spelled out. ``sessions_app.roles`` is held against this, never the other way."""

from __future__ import annotations

from typing import Final

ROLES: Final = ("owner", "admin", "network_admin", "support", "auditor", "member")

MATRIX: Final = {
    # capability:    owner admin network_admin support auditor member
    "nodes.view": "yyyyy-",
    "nodes.approve": "yy-y--",
    "nodes.expire": "yy-y--",
    "nodes.manage": "yy----",
    "routes.manage": "yyy---",
    "policy.view": "yyy-y-",
    "policy.manage": "yyy---",
    "network.view": "yyyyy-",
    "network.manage": "yyy---",
    "keys.view": "yyy-y-",
    "keys.manage": "yy----",
    "users.view": "yyy-y-",
    "users.manage": "yy----",
    "owners.manage": "y-----",
    "changes.view": "yyy-y-",
}

OWN: Final = "own"
"""What belongs to the person: every role has it, and a token may be without it."""
INSIDE: Final = "inside"
"""Whoever has pages under ``/admin/``: every role but member."""
PERSON: Final = "person"
"""Whoever is logged in."""
EVERYBODY: Final = "everybody"
"""Also who is not."""
NOBODY: Final = "nobody"
"""Not even an owner: refused with 403."""
ABSENT: Final = "absent"
"""404 for everybody who gets past the login."""


def held_by(role: str) -> frozenset[str]:
    """What a role may."""
    column = ROLES.index(role)
    return frozenset(name for name, letters in MATRIX.items() if letters[column] == "y")


def may(role: str, needs: str) -> bool:
    """Whether a role may do what takes ``needs``: a capability, several joined by ``+``, or one of the words above."""
    if needs in (PERSON, EVERYBODY, OWN):
        return True
    if needs == INSIDE:
        return role != "member"
    return needs not in (NOBODY, ABSENT) and set(needs.split("+")) <= held_by(role)
