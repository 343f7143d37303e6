"""The keys of enrolment: which let machines in, and making one."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import F, Q
from django.http import HttpRequest
from django.utils import timezone

from nodes.models import Network
from portal.cause import cause_of
from portal.enrol.form import ends_at
from portal.once import spend_once
from sessions_app.models import AuthKey
from sessions_app.services.auth_keys import create_auth_key

FIRST_KEY_LIVES: Final = timedelta(hours=1)
FIRST_MACHINES: Final = 2


def alive(now: datetime) -> Q:
    """Keys that let one more machine in."""
    unspent = Q(max_uses=None) | Q(uses__lt=F("max_uses"))
    return Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now)) & unspent


def make_key(request: HttpRequest, data: dict[str, Any]) -> tuple[AuthKey, str]:
    """The key that a valid ``EnrolForm`` asks for, and its secret. Raises ConflictError if the form was sent before,
    and ValidationError."""
    spend_once(request, data["once"])
    now = timezone.now()
    owner = data["owner"] if not data["tags"] else None
    created = create_auth_key(
        network_id=data["network"].pk,
        owner_id=None if owner is None else owner.pk,
        tags=data["tags"],
        name=data["name"],
        reusable=data["reusable"],
        max_uses=data["max_uses"] if data["reusable"] else None,
        ephemeral=data["ephemeral"],
        pre_approved=data["pre_approved"],
        expires_at=ends_at(data, now),
        created_by_id=request.user.pk,
        cause=cause_of(request),
        now=now,
        random32=secrets.token_bytes(32),
    )
    return created.auth_key, created.secret


def first_key(request: HttpRequest, network: Network, now: datetime) -> str:
    """The secret of a key for the first machines, of the one who asks, good for an hour. Raises as ``make_key``."""
    spend_once(request, request.POST.get("once", ""))
    created = create_auth_key(
        network_id=network.pk,
        owner_id=request.user.pk,
        name="first steps",
        reusable=True,
        max_uses=FIRST_MACHINES,
        expires_at=now + FIRST_KEY_LIVES,
        created_by_id=request.user.pk,
        cause=cause_of(request),
        now=now,
        random32=secrets.token_bytes(32),
    )
    return created.secret
