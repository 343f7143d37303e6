"""Tells the log of keys and tokens whose time is over. They ended when the clock said so, whether or not this runs."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from django.db import transaction
from django.db.models import QuerySet

from mesh.change import Cause
from sessions_app.models import ApiToken, AuthKey
from sessions_app.services.ended_rights import record_ended_right, record_ended_right_of

CAUSE = Cause.system("expiry")
Row = TypeVar("Row", AuthKey, ApiToken)


def lapse_auth_keys(*, now: datetime, limit: int = 1000) -> int:
    """Records the auth keys that expired, as one change a network; returns how many. Harmless when doubled or late."""
    due = _due(AuthKey.objects.all(), now)
    network_ids = due.order_by("network_id").values_list("network_id", flat=True).distinct()
    return sum(_lapse_auth_keys_of(network_id, now, limit) for network_id in list(network_ids))


def lapse_api_tokens(*, now: datetime, limit: int = 1000) -> int:
    """Records the API tokens that expired, as one change a person and network; returns how many."""
    user_ids = _due(ApiToken.objects.all(), now).order_by("user_id").values_list("user_id", flat=True).distinct()
    return sum(_lapse_api_tokens_of(user_id, now, limit) for user_id in list(user_ids))


@transaction.atomic
def _lapse_auth_keys_of(network_id: int, now: datetime, limit: int) -> int:
    due = _due(AuthKey.objects.filter(network_id=network_id), now)
    rows = list(due.select_for_update(of=("self",)).order_by("pk")[:limit])
    if rows:
        AuthKey.objects.filter(pk__in=[row.pk for row in rows]).update(lapsed_at=now)
        said = [
            {"id": row.pk, "name": row.name, "user": row.owner_id, "tags": row.tags, "expired_at": _end(row)}
            for row in rows
        ]
        record_ended_right(network_id=network_id, facts={"auth_keys": said}, cause=CAUSE, now=now)
    return len(rows)


@transaction.atomic
def _lapse_api_tokens_of(user_id: int, now: datetime, limit: int) -> int:
    due = _due(ApiToken.objects.filter(user_id=user_id), now).select_related("user")
    rows = list(due.select_for_update(of=("self",)).order_by("pk")[:limit])
    if rows:
        ApiToken.objects.filter(pk__in=[row.pk for row in rows]).update(lapsed_at=now)
        said = [{"id": row.pk, "name": row.name, "user": row.user_id, "expired_at": _end(row)} for row in rows]
        record_ended_right_of(user=rows[0].user, facts={"api_tokens": said}, cause=CAUSE, now=now)
    return len(rows)


def _due(rows: QuerySet[Row], now: datetime) -> QuerySet[Row]:
    return rows.filter(revoked_at=None, lapsed_at=None, expires_at__lte=now)


def _end(row: AuthKey | ApiToken) -> str | None:
    return None if row.expires_at is None else row.expires_at.isoformat()
