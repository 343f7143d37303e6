"""Periodic work on what people leave behind. Each task is harmless when doubled or late."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.utils import timezone

from nodes.periodic import for_each, periodic
from sessions_app.services.audit import forget_audit
from sessions_app.services.password_links import forget_password_links
from sessions_app.services.ways_in import forget_portal_sessions

SCHEDULE = {"sessions_app.forget": timedelta(minutes=10)}
LINKS_KEPT: Final = timedelta(days=30)
RUN_SECONDS: Final = 30.0
"""How long each part of a run goes on at most where much has gathered: the next run continues."""


@periodic("sessions_app.forget", every=SCHEDULE["sessions_app.forget"])
def forget() -> int:
    """Drops old entries of the audit trail, sessions of browsers that are over, and old links; returns how many."""
    now = timezone.now()
    span = settings.GHOSTWIRE.retention.audit
    before = None if span is None else now - span
    work: list[Callable[[], int]] = [
        lambda: forget_audit(before=before),
        lambda: forget_portal_sessions(now=now),
        lambda: forget_password_links(before=now - LINKS_KEPT),
    ]
    return for_each(work, _until_done)


def _until_done(batch: Callable[[], int]) -> int:
    until = time.monotonic() + RUN_SECONDS
    did = 0
    while time.monotonic() < until and (done := batch()):
        did += done
    return did
