"""Ends ways in to the portal that a person has: links that set a password, and sessions of browsers."""

from __future__ import annotations

from datetime import datetime

from sessions_app.models import PasswordLink, PortalSession


def end_password_links(*, user_id: int, now: datetime) -> int:
    """Revokes a person's live links, in the caller's transaction; returns how many (one at most)."""
    return PasswordLink.objects.filter(user_id=user_id, used_at=None, revoked_at=None).update(revoked_at=now)


def end_portal_sessions(*, user_id: int, keep: str = "", only: str = "") -> int:
    """Logs a person's browsers out, but that of the row ``keep`` of ``PortalSession``; with ``only``, just that one.

    Returns how many. A browser learns of it with its next request.
    """
    sessions = PortalSession.objects.filter(user_id=user_id)
    if keep:
        sessions = sessions.exclude(pk=keep)
    if only:
        sessions = sessions.filter(pk=only)
    deleted, _ = sessions.delete()
    return deleted


def forget_portal_sessions(*, now: datetime, limit: int = 1000) -> int:
    """Drops sessions whose time is over; returns how many. They open nothing from that moment on."""
    due = list(PortalSession.objects.filter(expire_date__lt=now).values_list("pk", flat=True)[:limit])
    deleted, _ = PortalSession.objects.filter(pk__in=due).delete()
    return deleted
