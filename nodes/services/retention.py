"""Prunes the log of changes: old facts go, so that the log stays small; versions and kinds stay, without gaps."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from mesh.change import ChangeKind
from nodes.models import Change


@transaction.atomic
def prune_changes(*, kind: ChangeKind, before: datetime, limit: int = 1000) -> int:
    """Takes the facts from the oldest changes of a kind that were made before ``before``; returns how many.

    No map moves and no lock of a network is taken. A replica that needs one of these rows loads its network whole.
    Harmless when doubled: two runs at once take different rows.
    """
    due = Change.objects.filter(kind=kind.value, created_at__lt=before, pruned=False).order_by("created_at")
    # SQLite has one writer at a time and no such lock.
    if transaction.get_connection().features.has_select_for_update_skip_locked:
        due = due.select_for_update(skip_locked=True)
    pks = list(due.values_list("pk", flat=True)[:limit])
    if pks:
        Change.objects.filter(pk__in=pks).update(facts={}, origin="", request_id="", pruned=True)
    return len(pks)
