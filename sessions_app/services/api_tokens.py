"""Tokens of people for the administration API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from mesh.change import Cause
from mesh.errors import AuthenticationError, FieldError, NotFoundError, ValidationError
from mesh.tokens import TokenKind, derive_token, parse_kind, visible_prefix
from sessions_app.models import ApiToken, User
from sessions_app.peppers import digest_for_storage, digests_to_look_up
from sessions_app.services.ended_rights import record_ended_right_of

# A token's last use is noted at most this often: reads of the API must not all become writes.
NOTE_USE_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class CreatedApiToken:
    """A new token and its secret, which exists only here: it is shown once."""

    api_token: ApiToken
    secret: str


@transaction.atomic
def create_api_token(
    *, user_id: int, name: str, now: datetime, random32: bytes, expires_at: datetime | None = None
) -> CreatedApiToken:
    """Makes a token that may do what the user's role may do. Raises ValidationError."""
    if not User.objects.filter(pk=user_id, is_active=True).exists():
        raise ValidationError("The token is refused.", errors=(FieldError("user", "There is no such active user."),))
    if expires_at is not None and expires_at <= now:
        raise ValidationError("The token is refused.", errors=(FieldError("expires_at", "The end lies in the past."),))
    secret = derive_token(TokenKind.API_TOKEN, id=user_id, at=now, random32=random32)
    stored = digest_for_storage(secret)
    api_token = ApiToken.objects.create(
        digest=stored.digest,
        pepper=stored.pepper,
        user_id=user_id,
        name=name,
        hint=visible_prefix(secret),
        expires_at=expires_at,
    )
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


def validate_api_token(*, token: str, now: datetime) -> ApiToken:
    """The token with its user. Raises AuthenticationError if unknown, revoked, expired, or the user is disabled."""
    if parse_kind(token) is not TokenKind.API_TOKEN:
        raise AuthenticationError("This is not an API token.")
    api_token = ApiToken.objects.select_related("user").filter(digest__in=digests_to_look_up(token)).first()
    if api_token is None or api_token.revoked_at is not None or not api_token.user.is_active:
        raise AuthenticationError("The API token is not valid.")
    if api_token.expires_at is not None and api_token.expires_at <= now:
        raise AuthenticationError("The API token is not valid.")
    if api_token.last_used_at is None or now - api_token.last_used_at >= NOTE_USE_EVERY:
        ApiToken.objects.filter(pk=api_token.pk).update(last_used_at=now)
    return api_token
