"""Logging browsers out: one's own, or all of a person who is to be logged out everywhere."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from mesh.change import Cause
from sessions_app.models import AuditEntry
from sessions_app.services.audit import record_audit
from sessions_app.services.users import get_user
from sessions_app.services.ways_in import end_portal_sessions


@transaction.atomic
def sign_out(*, user_id: int, cause: Cause, now: datetime, keep: str = "", only: str = "") -> int:
    """Ends a person's sessions of the portal, but the row ``keep``; with ``only`` that one. Returns how many.

    Raises NotFoundError for an unknown person.
    """
    user = get_user(user_id)
    ended = end_portal_sessions(user_id=user.pk, keep=keep, only=only)
    if ended:
        facts = {"user": user.pk, "login": user.username, "number": ended}
        record_audit(kind=AuditEntry.Kind.SESSIONS_ENDED, facts=facts, cause=cause, now=now)
    return ended
