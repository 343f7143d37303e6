"""The keys of enrolment: making one that a form asks for, and one for the first machines."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone

from nodes.models import Network
from portal.cause import cause_of
from portal.enrol.form import ends_at
from portal.once import spend_once
from sessions_app.models import AuthKey
from sessions_app.services.auth_keys import CreatedAuthKey, create_auth_key

FIRST_KEY_LIVES: Final = timedelta(hours=1)
FIRST_MACHINES: Final = 2


def make_key(request: HttpRequest, data: dict[str, Any]) -> tuple[AuthKey, str]:
    """The key that a valid ``EnrolForm`` asks for, and its secret. Raises ConflictError if the form was sent before,
    and ValidationError."""
    now = timezone.now()
    created = _make(
        request,
        data["once"],
        now,
        network_id=data["network"].pk,
        owner_id=None if data["tags"] or data["owner"] is None else data["owner"].pk,
        tags=data["tags"],
        name=data["name"],
        reusable=data["reusable"],
        max_uses=data["max_uses"] if data["reusable"] else None,
        ephemeral=data["ephemeral"],
        pre_approved=data["pre_approved"],
        expires_at=ends_at(data, now),
    )
    return created.auth_key, created.secret


def first_key(request: HttpRequest, network: Network, now: datetime) -> str:
    """The secret of a key for the first machines, of the one who asks, good for an hour. Raises as ``make_key``."""
    created = _make(
        request,
        request.POST.get("once", ""),
        now,
        network_id=network.pk,
        owner_id=request.user.pk,
        name="first steps",
        reusable=True,
        max_uses=FIRST_MACHINES,
        expires_at=now + FIRST_KEY_LIVES,
    )
    return created.secret


def _make(request: HttpRequest, once: str, now: datetime, **fields: Any) -> CreatedAuthKey:
    """A key by whoever asks, once for each form."""
    spend_once(request, once)
    return create_auth_key(
        **fields,
        created_by_id=request.user.pk,
        cause=cause_of(request),
        now=now,
        random32=secrets.token_bytes(32),
    )
