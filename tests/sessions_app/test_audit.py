"""The audit trail under a flood, and with the database away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError

from mesh.change import Cause
from sessions_app.models import AuditEntry
from sessions_app.services import audit
from sessions_app.services.audit import MOST_A_MINUTE, forget_audit, note_audit, record_audit
from tests.factories import NOW, AuditEntryFactory

pytestmark = pytest.mark.django_db
Kind = AuditEntry.Kind


def refuse(number: int, origin: str = "203.0.113.9", at: Any = NOW) -> None:
    facts = {"path": f"/{number}"}
    record_audit(kind=Kind.DENIED, facts=facts, cause=Cause("anonymous", origin, "request"), now=at)


def test_same_refusals_are_counted_in_one_row() -> None:
    for second in range(5):
        refuse(1, at=NOW.replace(second=second))
    entry = AuditEntry.objects.get()
    assert (entry.count, entry.created_at, entry.last_at) == (5, NOW.replace(second=0), NOW.replace(second=4))


def test_next_minute_is_another_row() -> None:
    refuse(1)
    refuse(1, at=NOW + timedelta(minutes=1))
    assert AuditEntry.objects.count() == 2


def test_flood_is_bounded_and_counted() -> None:
    for number in range(MOST_A_MINUTE + 50):
        refuse(number)
    assert AuditEntry.objects.count() == MOST_A_MINUTE + 1
    assert AuditEntry.objects.get(facts={"more": True}).count == 50


def test_flood_does_not_hide_a_login() -> None:
    for number in range(MOST_A_MINUTE + 5):
        refuse(number)
    record_audit(kind=Kind.LOGIN, facts={"login": "ana"}, cause=Cause.user(1), now=NOW)
    assert AuditEntry.objects.filter(kind="login").exists()


def test_texts_are_cut_and_masked() -> None:
    record_audit(kind=Kind.LOGIN, facts={"a": "x" * 500, "b": "gwk_" + "A" * 43}, cause=Cause.user(1), now=NOW)
    facts = AuditEntry.objects.get().facts
    assert len(facts["a"]) == 200
    assert facts["b"] == "gwk_AAAA…"


def test_without_the_database_the_refusal_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**_: Any) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(audit, "record_audit", away)
    note_audit(kind=Kind.DENIED, facts={}, cause=Cause("anonymous"), now=NOW)
    assert not AuditEntry.objects.exists()


def test_old_entries_and_surplus_go() -> None:
    old = AuditEntryFactory(created_at=NOW - timedelta(days=400))
    login = AuditEntryFactory()
    loud = [AuditEntryFactory(kind=Kind.DENIED) for _ in range(4)]
    assert forget_audit(before=NOW - timedelta(days=365), most=2) == 3
    left = set(AuditEntry.objects.values_list("pk", flat=True))
    assert left == {login.pk, loud[2].pk, loud[3].pk}
    assert old.pk not in left
