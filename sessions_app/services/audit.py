"""The audit trail: who came in, who was refused, who was invited. What moves a map stands in the log of changes.

Whoever can be refused without having a right can be refused a million times: such entries are counted within a minute
where they are the same, there are at most ``MOST_A_MINUTE`` different ones, and old ones make room beyond
``MOST_KEPT``. So a flood costs time and not the disk.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import structlog
from blake3 import blake3
from django.db import Error, transaction
from django.db.models import F

from mesh.change import Cause
from mesh.tokens import mask
from sessions_app.models import AuditEntry

log = structlog.get_logger(__name__)

ANONYMOUS: Final = "anonymous"
MOST_A_MINUTE: Final = 60
MOST_KEPT: Final = 1_000_000
MOST_TEXT: Final = 200
MOST_ITEMS: Final = 20
Kind = AuditEntry.Kind
# What a caller can cause without having any right.
LOUD: Final = frozenset({Kind.LOGIN_FAILED, Kind.DENIED, Kind.TOKEN_REFUSED})


@transaction.atomic
def record_audit(*, kind: AuditEntry.Kind, facts: Mapping[str, Any], cause: Cause, now: datetime) -> None:
    """Writes one entry. ``facts``: small values for JSON, without secrets; texts are cut and masked all the same."""
    said = {name: _short(value) for name, value in facts.items()}
    entry = AuditEntry(
        kind=kind,
        actor=cause.actor[:64],
        origin=cause.origin[:64],
        request_id=cause.request_id[:64],
        facts=said,
        created_at=now,
        last_at=now,
        minute=now.replace(second=0, microsecond=0),
    )
    if kind in LOUD:
        _count(entry)
    else:
        entry.save(force_insert=True)


def note_audit(*, kind: AuditEntry.Kind, facts: Mapping[str, Any], cause: Cause, now: datetime) -> None:
    """Writes one entry of something that has happened already. Where the database is away the log of the process gets
    it instead: a refusal stays one."""
    try:
        record_audit(kind=kind, facts=facts, cause=cause, now=now)
    except Error as error:
        log.error(
            "audit.not_written", kind=str(kind), actor=cause.actor, origin=cause.origin, facts=dict(facts),
            error=repr(error),
        )  # fmt: skip


def forget_audit(*, before: datetime | None, most: int = MOST_KEPT, limit: int = 1000) -> int:
    """Drops entries older than ``before`` (None: none are too old), and the oldest of the loud ones beyond ``most``.

    Returns how many, at most ``limit`` at once.
    """
    due: list[int] = []
    if before is not None:
        old = AuditEntry.objects.filter(created_at__lt=before).order_by("created_at")
        due = list(old.values_list("pk", flat=True)[:limit])
    if len(due) < limit:
        loud = AuditEntry.objects.filter(kind__in=LOUD).order_by("-pk").values_list("pk", flat=True)
        # The newest that is one too many: it and all loud ones before it go.
        edge = loud[most : most + 1].first()
        if edge is not None:
            surplus = AuditEntry.objects.filter(kind__in=LOUD, pk__lte=edge).order_by("pk")
            due += list(surplus.values_list("pk", flat=True)[: limit - len(due)])
    deleted, _ = AuditEntry.objects.filter(pk__in=due).delete()
    return deleted


def _count(entry: AuditEntry) -> None:
    """Counts an entry with what repeats it in its minute, or with all others of its kind where there are too many."""
    same = json.dumps([entry.kind, entry.actor, entry.origin, entry.facts], sort_keys=True)
    entry.repeats = blake3(same.encode()).hexdigest(16)
    if _counted_again(entry):
        return
    if AuditEntry.objects.filter(minute=entry.minute).exclude(repeats="").count() >= MOST_A_MINUTE:
        entry.actor, entry.origin, entry.request_id, entry.facts = ANONYMOUS, "", "", {"more": True}
        entry.repeats = f"more:{entry.kind}"
        if _counted_again(entry):
            return
    # Two at once insert one row, and both count themselves in it.
    entry.count = 0
    AuditEntry.objects.bulk_create([entry], ignore_conflicts=True)
    _counted_again(entry)


def _counted_again(entry: AuditEntry) -> bool:
    present = AuditEntry.objects.filter(minute=entry.minute, repeats=entry.repeats)
    return present.update(count=F("count") + 1, last_at=entry.last_at) > 0


def _short(value: Any) -> Any:
    if isinstance(value, list):
        return [_short(item) for item in value[:MOST_ITEMS]]
    return mask(value)[:MOST_TEXT] if isinstance(value, str) else value
