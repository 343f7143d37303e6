"""Tokens of people for the administration API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from mesh.change import Cause
from mesh.errors import AuthenticationError, FieldError, NotFoundError, ValidationError
from mesh.tokens import TokenKind, derive_token, parse_kind, visible_prefix
from sessions_app.models import ApiToken, AuditEntry, User
from sessions_app.peppers import digest_for_storage, digests_to_look_up
from sessions_app.roles import scopes_of_role
from sessions_app.services.audit import note_audit, record_audit
from sessions_app.services.ended_rights import record_ended_right_of

# A token's last use is noted at most this often: reads of the API must not all become writes.
NOTE_USE_EVERY = timedelta(minutes=1)
MOST_ADDRESSES: Final = 20


@dataclass(frozen=True, slots=True)
class CreatedApiToken:
    """A new token and its secret, which exists only here: it is shown once."""

    api_token: ApiToken
    secret: str


@transaction.atomic
def create_api_token(
    *,
    user_id: int,
    name: str,
    now: datetime,
    random32: bytes,
    expires_at: datetime | None = None,
    scopes: Sequence[str] | None = None,
    maker: ApiToken | None = None,
    cause: Cause | None = None,
) -> CreatedApiToken:
    """Makes a token that may do what the user's role may do, or as much of it as ``scopes`` name.

    Scopes are capabilities of ``sessions_app.roles``, and ``own`` for what belongs to the person. A token that makes
    another one (``maker``) makes none that may more, or lasts longer, than itself. Raises ValidationError.
    """
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise ValidationError("The token is refused.", errors=(FieldError("user", "There is no such active user."),))
    errors = []
    if expires_at is not None and expires_at <= now:
        errors.append(FieldError("expires_at", "The end lies in the past."))
    elif maker is not None and maker.expires_at is not None and (expires_at is None or expires_at > maker.expires_at):
        errors.append(FieldError("expires_at", "A token makes none that lasts longer than itself."))
    wanted = None if scopes is None else sorted(set(scopes))
    if wanted is not None and not wanted:
        errors.append(FieldError("scopes", "Name one at least, or leave them out for all that the role may."))
    errors += [
        FieldError("scopes", f"The role {user.role} may not {scope}.")
        for scope in wanted or ()
        if scope not in scopes_of_role(user.role)
    ]
    held = None if maker is None or maker.scopes is None else frozenset(maker.scopes)
    if held is not None and (wanted is None or not held.issuperset(wanted)):
        errors.append(FieldError("scopes", f"A token makes none that may more than itself: {', '.join(sorted(held))}."))
    if errors:
        raise ValidationError("The token is refused.", errors=tuple(errors))
    secret = derive_token(TokenKind.API_TOKEN, id=user_id, at=now, random32=random32)
    stored = digest_for_storage(secret)
    api_token = ApiToken.objects.create(
        digest=stored.digest,
        pepper=stored.pepper,
        user_id=user_id,
        name=name,
        hint=visible_prefix(secret),
        expires_at=expires_at,
        scopes=wanted,
    )
    facts = {**_said(api_token, user), "scopes": wanted}
    by = Cause.user(user_id) if cause is None else cause
    record_audit(kind=AuditEntry.Kind.TOKEN_MADE, facts=facts, cause=by, now=now)
    return CreatedApiToken(api_token, secret)


@transaction.atomic
def revoke_api_token(*, api_token_id: int, cause: Cause, now: datetime) -> ApiToken:
    """Ends a token, which is a change of the networks it could speak of. Raises NotFoundError.

    Revoking twice changes nothing.
    """
    api_token = ApiToken.objects.select_for_update(of=("self",)).filter(pk=api_token_id).first()
    if api_token is None:
        raise NotFoundError(f"There is no API token {api_token_id}.")
    if api_token.revoked_at is None:
        api_token.revoked_at = now
        api_token.save(update_fields=["revoked_at"])
        said = {"id": api_token.pk, "name": api_token.name, "user": api_token.user_id, "revoked_at": now.isoformat()}
        record_ended_right_of(user=api_token.user, facts={"api_tokens": [said]}, cause=cause, now=now)
    return api_token


def validate_api_token(*, token: str, now: datetime, cause: Cause | None = None) -> ApiToken:
    """The token with its user, who carries its scopes. ``cause`` says where the call comes from.

    Raises AuthenticationError if unknown, revoked, expired, or the user is disabled. The audit trail gets a refusal of
    a token that there is, and the first use from an address.
    """
    if parse_kind(token) is not TokenKind.API_TOKEN:
        raise AuthenticationError("This is not an API token.")
    api_token = ApiToken.objects.select_related("user").filter(digest__in=digests_to_look_up(token)).first()
    if api_token is None:
        raise AuthenticationError("The API token is not valid.")
    by = Cause("anonymous") if cause is None else cause
    if reason := _refusal(api_token, now):
        facts = {**_said(api_token, api_token.user), "reason": reason}
        note_audit(kind=AuditEntry.Kind.TOKEN_REFUSED, facts=facts, cause=by, now=now)
        raise AuthenticationError("The API token is not valid.")
    _note_use(api_token, by, now)
    api_token.user.token_scopes = None if api_token.scopes is None else frozenset(api_token.scopes)
    return api_token


def _refusal(api_token: ApiToken, now: datetime) -> str:
    """Why a token is not valid; empty if it is."""
    if api_token.revoked_at is not None:
        return "revoked"
    if api_token.expires_at is not None and api_token.expires_at <= now:
        return "expired"
    return "" if api_token.user.is_active else "disabled"


def _note_use(api_token: ApiToken, by: Cause, now: datetime) -> None:
    is_new = bool(by.origin) and by.origin not in api_token.seen_from
    if is_new:
        api_token.seen_from = [by.origin, *api_token.seen_from][:MOST_ADDRESSES]
        ApiToken.objects.filter(pk=api_token.pk).update(last_used_at=now, seen_from=api_token.seen_from)
        person = Cause.user(api_token.user_id, origin=by.origin, request_id=by.request_id)
        facts = _said(api_token, api_token.user)
        note_audit(kind=AuditEntry.Kind.TOKEN_USED, facts=facts, cause=person, now=now)
    elif api_token.last_used_at is None or now - api_token.last_used_at >= NOTE_USE_EVERY:
        ApiToken.objects.filter(pk=api_token.pk).update(last_used_at=now)


def _said(api_token: ApiToken, user: User) -> dict[str, object]:
    return {"token": api_token.pk, "name": api_token.name, "user": user.pk, "login": user.username}
