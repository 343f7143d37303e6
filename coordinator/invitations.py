"""Inviting people and letting them choose a new password, both by a link: who may, and what the link looks like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction

from mesh.change import Cause
from mesh.errors import PermissionDeniedError
from sessions_app.models import PasswordLink, User
from sessions_app.roles import allows, may_manage_person
from sessions_app.services.password_links import create_password_link, revoke_password_link
from sessions_app.services.users import create_user, get_user

PATH: Final = "/welcome/"


@dataclass(frozen=True, slots=True)
class Invitation:
    """A person with a new link and its address, which exists only here: it is shown once."""

    user: User
    link: PasswordLink
    url: str


@transaction.atomic
def invite_user(
    *,
    actor: User | None,
    login: str,
    cause: Cause,
    now: datetime,
    random32: bytes,
    role: str = User.Role.MEMBER,
    display_name: str = "",
    email: str = "",
    lifetime: timedelta | None = None,
    portal_url: str = "",
) -> Invitation:
    """Makes a person without a password, and the link by which that person sets one. ``actor`` None: a command.

    Raises PermissionDeniedError where the actor may not make people of this role, and what ``create_user`` and
    ``create_password_link`` raise.
    """
    _demand(actor, role)
    user = create_user(login=login, role=role, display_name=display_name, email=email, cause=cause, now=now)
    options = {"cause": cause, "now": now, "random32": random32, "lifetime": lifetime}
    return _link(user, actor=actor, portal_url=portal_url, **options)


@transaction.atomic
def make_password_link(
    *,
    actor: User | None,
    user_id: int,
    cause: Cause,
    now: datetime,
    random32: bytes,
    lifetime: timedelta | None = None,
    portal_url: str = "",
) -> Invitation:
    """A link for a person that there is: an invitation again, or to choose a new password. A former one is revoked.

    Raises PermissionDeniedError, and what ``create_password_link`` raises.
    """
    user = get_user(user_id)
    _demand(actor, user.role)
    options = {"cause": cause, "now": now, "random32": random32, "lifetime": lifetime}
    return _link(user, actor=actor, portal_url=portal_url, **options)


@transaction.atomic
def withdraw_password_link(*, actor: User | None, user_id: int, cause: Cause, now: datetime) -> bool:
    """Revokes a person's live link; returns whether there was one. Raises PermissionDeniedError, NotFoundError."""
    _demand(actor, get_user(user_id).role)
    return revoke_password_link(user_id=user_id, cause=cause, now=now)


def link_url(secret: str, portal_url: str = "") -> str:
    """The address that is handed on. The token stands behind ``#``: browsers send that part to nobody, so no log of a
    server or proxy sees it, no page is told where one came from, and programs that look at links open nothing."""
    base = portal_url or str(settings.GHOSTWIRE.public_urls[0])
    return f"{base.rstrip('/')}{PATH}#{secret}"


def _link(user: User, *, actor: User | None, portal_url: str, **options: Any) -> Invitation:
    created = create_password_link(user_id=user.pk, created_by_id=None if actor is None else actor.pk, **options)
    return Invitation(user, created.link, link_url(created.secret, portal_url))


def _demand(actor: User | None, role: str) -> None:
    if actor is None or may_manage_person(actor, role):
        return
    raise PermissionDeniedError(
        "Only owners manage owners." if allows(actor, "users.manage") else "Your role does not permit this."
    )
