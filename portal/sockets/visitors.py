"""Who is behind a socket: the person of a login session, asked again and again for as long as the socket is open.

The sessions are only read. What Channels' own authentication does with a session that does not hold any more, ending
it, is for a page to do: it can tell the browser, a socket cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.utils.crypto import constant_time_compare

from sessions_app.models import User


@dataclass(frozen=True, slots=True)
class Visitor:
    """A login session and whose it is, in the role that the person had when the socket was opened."""

    session_key: str
    user_id: int
    role: str


def find_visitor(session_key: str, now: datetime) -> tuple[Visitor, User] | None:
    """Whose login session this is; None if it is none, or none any more."""
    found = _people([session_key], now).get(session_key)
    return None if found is None else (Visitor(session_key, found.pk, found.role), found)


def still_here(visitors: Iterable[Visitor], now: datetime) -> set[Visitor]:
    """Those whose session still is what it was: not ended, and of the same active person in the same role with the same
    password. Two queries, however many they are."""
    asked = set(visitors)
    people = _people({visitor.session_key for visitor in asked}, now)
    return {
        visitor
        for visitor in asked
        if (person := people.get(visitor.session_key)) is not None
        and (person.pk, person.role) == (visitor.user_id, visitor.role)
    }


def _people(session_keys: Iterable[str], now: datetime) -> dict[str, User]:
    engine = import_module(settings.SESSION_ENGINE)
    # Under what a session stands in the database need not be what the browser holds.
    row_key: Callable[[str], str] = getattr(engine, "row_key", str)
    keys = {row_key(key): key for key in session_keys}
    sessions = engine.SessionStore.get_model_class().objects.filter(pk__in=list(keys), expire_date__gt=now)
    said = {keys[str(session.pk)]: session.get_decoded() for session in sessions}
    ids = {key: int(data[SESSION_KEY]) for key, data in said.items() if str(data.get(SESSION_KEY, "")).isdigit()}
    users = {user.pk: user for user in User.objects.filter(pk__in=set(ids.values()), is_active=True)}
    return {key: users[pk] for key, pk in ids.items() if pk in users and _holds(said[key], users[pk])}


def _holds(data: Mapping[str, Any], user: User) -> bool:
    """As ``django.contrib.auth.get_user`` decides: logged in by a backend in use, with the password of today."""
    if data.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return False
    proof = data.get(HASH_SESSION_KEY) or ""
    known = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(proof, item) for item in known)
