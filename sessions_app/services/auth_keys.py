"""Auth keys: the way in for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Q

from mesh.change import Cause
from mesh.errors import AuthenticationError, FieldError, NotFoundError, ValidationError
from mesh.tags import validate_tag
from mesh.tokens import TokenKind, derive_token, parse_kind, visible_prefix
from nodes.models import Network, Node
from sessions_app.models import AuditEntry, AuthKey, AuthKeyUse, User
from sessions_app.peppers import digest_for_storage, digests_to_look_up
from sessions_app.services.audit import record_audit
from sessions_app.services.ended_rights import record_ended_right

MAX_NAME_LENGTH: Final = 64
MOST_USES: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class CreatedAuthKey:
    """A new key and its secret, which exists only here: it is shown once."""

    auth_key: AuthKey
    secret: str


@transaction.atomic
def create_auth_key(
    *,
    network_id: int,
    now: datetime,
    random32: bytes,
    owner_id: int | None = None,
    tags: Sequence[str] = (),
    reusable: bool = False,
    max_uses: int | None = None,
    ephemeral: bool = False,
    pre_approved: bool = False,
    expires_at: datetime | None = None,
    name: str = "",
    created_by_id: int | None = None,
    cause: Cause,
) -> CreatedAuthKey:
    """Makes a key. One-off unless ``reusable``; a reusable one works ``max_uses`` times, or without limit.

    Machines belong to ``tags`` where some are given, else to the owner. With ``pre_approved`` they need no approval
    where the network wants one for each new node. The audit trail tells of it: no change does. Raises ValidationError.
    """
    errors = []
    if not tags and owner_id is None:
        errors.append(FieldError("owner", "A key needs an owner or tags."))
    owner = None if owner_id is None else User.objects.filter(pk=owner_id, is_active=True).first()
    if owner_id is not None and owner is None:
        errors.append(FieldError("owner", "There is no such active user."))
    network = Network.objects.filter(pk=network_id).first()
    if network is None:
        errors.append(FieldError("network", "There is no such network."))
    if expires_at is not None and expires_at <= now:
        errors.append(FieldError("expires_at", "The end lies in the past."))
    if max_uses is not None and (max_uses < 1 or (max_uses > 1 and not reusable)):
        errors.append(FieldError("max_uses", "A one-off key works once; a reusable one at least once."))
    if max_uses is not None and max_uses > MOST_USES:
        errors.append(FieldError("max_uses", f"At most {MOST_USES}, or no limit."))
    normal = []
    for index, tag in enumerate(tags):
        try:
            normal.append(validate_tag(tag))
        except ValidationError as error:
            errors.append(FieldError(f"tags.{index}", error.detail))
    if len(name) > MAX_NAME_LENGTH:
        errors.append(FieldError("name", f"At most {MAX_NAME_LENGTH} characters."))
    if errors or network is None:
        raise ValidationError("The auth key is refused.", errors=tuple(errors))
    secret = derive_token(TokenKind.AUTH_KEY, at=now, random32=random32)
    stored = digest_for_storage(secret)
    auth_key = AuthKey.objects.create(
        digest=stored.digest,
        pepper=stored.pepper,
        network=network,
        name=name,
        hint=visible_prefix(secret),
        owner=owner,
        tagged=bool(tags),
        tags=sorted(set(normal)),
        ephemeral=ephemeral,
        pre_approved=pre_approved,
        max_uses=max_uses if reusable else 1,
        expires_at=expires_at,
        created_by_id=created_by_id,
    )
    record_audit(kind=AuditEntry.Kind.KEY_MADE, facts=_said_of(auth_key), cause=cause, now=now)
    return CreatedAuthKey(auth_key, secret)


@transaction.atomic
def revoke_auth_key(*, auth_key_id: int, cause: Cause, now: datetime) -> AuthKey:
    """Ends a key, which is a change of its network; nodes that it let in stay. Raises NotFoundError.

    Revoking twice changes nothing.
    """
    auth_key = AuthKey.objects.select_for_update().filter(pk=auth_key_id).first()
    if auth_key is None:
        raise NotFoundError(f"There is no auth key {auth_key_id}.")
    if auth_key.revoked_at is None:
        auth_key.revoked_at = now
        auth_key.save(update_fields=["revoked_at"])
        said = {"id": auth_key.pk, "name": auth_key.name, "user": auth_key.owner_id, "tags": auth_key.tags}
        facts = {"auth_keys": [said | {"revoked_at": now.isoformat()}]}
        record_ended_right(network_id=auth_key.network_id, facts=facts, cause=cause, now=now)
    return auth_key


def _said_of(auth_key: AuthKey) -> dict[str, Any]:
    """What the audit trail keeps: which key it is and what it may do, never the key."""
    return {
        "auth_key": auth_key.pk,
        "name": auth_key.name,
        "network": auth_key.network.name,
        "user": auth_key.owner_id,
        "login": "" if auth_key.owner is None else auth_key.owner.username,
        "tags": auth_key.tags,
        "max_uses": auth_key.max_uses,
        "ephemeral": auth_key.ephemeral,
        "pre_approved": auth_key.pre_approved,
        "expires_at": None if auth_key.expires_at is None else auth_key.expires_at.isoformat(),
    }


def lock_auth_key(*, secret: str) -> AuthKey:
    """The key that ``secret`` is, locked for the transaction, whatever its state.

    Raises AuthenticationError if there is none. Whether the people behind it are well: ``check_people``.
    """
    if parse_kind(secret) is not TokenKind.AUTH_KEY:
        raise AuthenticationError("This is not an auth key.")
    auth_key = AuthKey.objects.select_for_update(of=("self",)).filter(digest__in=digests_to_look_up(secret)).first()
    if auth_key is None:
        raise AuthenticationError("There is no such auth key.")
    return auth_key


def check_people(auth_key: AuthKey) -> None:
    """Raises AuthenticationError if the owner of a key is disabled, or whoever made it and so knows its secret.

    A disabled person's keys are dead. Called under the network's lock, which disabling a person takes too.
    """
    people = {pk for pk in (auth_key.owner_id, auth_key.created_by_id) if pk is not None}
    if User.objects.filter(pk__in=people, is_active=True).count() != len(people):
        raise AuthenticationError("A person behind the auth key is disabled.")


def is_usable(auth_key: AuthKey, now: datetime) -> bool:
    """Whether a key may let one more machine in: not revoked, not expired, not used up."""
    return is_alive(auth_key, now) and (auth_key.max_uses is None or auth_key.uses < auth_key.max_uses)


def usable(now: datetime) -> Q:
    """The same of rows: ``AuthKey.objects.filter(usable(now))``."""
    unspent = Q(max_uses=None) | Q(uses__lt=F("max_uses"))
    return Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now)) & unspent


def is_alive(auth_key: AuthKey, now: datetime) -> bool:
    """Whether a key is neither revoked nor expired; it may be used up."""
    return auth_key.revoked_at is None and (auth_key.expires_at is None or now < auth_key.expires_at)


def redeem_auth_key(*, auth_key: AuthKey, node: Node, now: datetime) -> None:
    """Counts one use of a locked key, for the node that it created."""
    AuthKey.objects.filter(pk=auth_key.pk).update(uses=F("uses") + 1, last_used_at=now)
    AuthKeyUse.objects.create(auth_key=auth_key, node=node)


def note_return(*, auth_key: AuthKey, now: datetime) -> None:
    """Notes that a key let a known node back in. That is no use: the node exists already."""
    AuthKey.objects.filter(pk=auth_key.pk).update(last_used_at=now)


def created_node(auth_key: AuthKey, node: Node) -> bool:
    """Whether it was this key that created this node."""
    return AuthKeyUse.objects.filter(auth_key=auth_key, node=node).exists()
