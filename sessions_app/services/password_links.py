"""Links by which people set their own password: invitations, and after a password was forgotten. No mail is needed.

A person has one live link at most. It works once, and not after its time, when its person is disabled, or when whoever
made it may not manage that person any more: whoever made it has seen it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from mesh.change import Cause
from mesh.errors import AuthenticationError, ConflictError, FieldError, NotFoundError, ValidationError
from mesh.tokens import TokenKind, derive_token, parse_kind, visible_prefix
from sessions_app.models import AuditEntry, PasswordLink, User
from sessions_app.peppers import digest_for_storage, digests_to_look_up
from sessions_app.roles import may_manage_person
from sessions_app.services.audit import record_audit
from sessions_app.services.users import choose_password, lock_user
from sessions_app.services.ways_in import end_password_links

LIFETIMES: Final = {PasswordLink.Purpose.INVITE: timedelta(days=7), PasswordLink.Purpose.RESET: timedelta(days=1)}
MOST: Final = timedelta(days=30)
LEAST: Final = timedelta(minutes=5)
# One answer for links that never were, were used, revoked or are too old: none of it concerns whoever tries.
_NO_LINK: Final = "This link does not work, or not any more: a link works once. Ask for another one."


@dataclass(frozen=True, slots=True)
class CreatedPasswordLink:
    """A new link and its token, which exists only here: it is shown once."""

    link: PasswordLink
    secret: str


@transaction.atomic
def create_password_link(
    *,
    user_id: int,
    cause: Cause,
    now: datetime,
    random32: bytes,
    lifetime: timedelta | None = None,
    created_by_id: int | None = None,
) -> CreatedPasswordLink:
    """Makes a link, an invitation for who has no password yet; a former one is revoked.

    Raises NotFoundError, ConflictError for a disabled person, ValidationError for a lifetime outside five minutes to
    thirty days.
    """
    user = lock_user(user_id)
    if not user.is_active:
        raise ConflictError(f"{user.username} is disabled.")
    purpose = PasswordLink.Purpose.RESET if user.has_usable_password() else PasswordLink.Purpose.INVITE
    span = LIFETIMES[purpose] if lifetime is None else lifetime
    if not LEAST <= span <= MOST:
        message = "A link works for five minutes at least and thirty days at most."
        raise ValidationError(message, errors=(FieldError("lifetime", message),))
    end_password_links(user_id=user.pk, now=now)
    secret = derive_token(TokenKind.LINK, id=user.pk, at=now, random32=random32)
    stored = digest_for_storage(secret)
    link = PasswordLink.objects.create(
        digest=stored.digest,
        pepper=stored.pepper,
        user=user,
        purpose=purpose,
        hint=visible_prefix(secret),
        created_by_id=created_by_id,
        created_at=now,
        expires_at=now + span,
    )
    record_audit(kind=AuditEntry.Kind.LINK_MADE, facts=_said(link), cause=cause, now=now)
    return CreatedPasswordLink(link, secret)


@transaction.atomic
def revoke_password_link(*, user_id: int, cause: Cause, now: datetime) -> bool:
    """Ends a person's live link; returns whether there was one. Raises NotFoundError for an unknown person."""
    user = lock_user(user_id)
    link = PasswordLink.objects.filter(user=user, used_at=None, revoked_at=None).first()
    if link is None:
        return False
    end_password_links(user_id=user.pk, now=now)
    record_audit(kind=AuditEntry.Kind.LINK_REVOKED, facts=_said(link), cause=cause, now=now)
    return True


def find_password_link(*, token: str, now: datetime) -> PasswordLink:
    """The live link that ``token`` opens, with its person. Raises NotFoundError, in the same words whatever is wrong.

    The work is the same for a token that never was.
    """
    try:
        is_link = parse_kind(token) is TokenKind.LINK
    except AuthenticationError:
        is_link = False
    link = _links().filter(digest__in=digests_to_look_up(token)).first()
    if link is None or not is_link or not _is_live(link, now):
        raise NotFoundError(_NO_LINK)
    return link


def load_password_link(*, link_id: int, now: datetime) -> PasswordLink:
    """The link that was found before, if it is still live. Raises NotFoundError."""
    link = _links().filter(pk=link_id).first()
    if link is None or not _is_live(link, now):
        raise NotFoundError(_NO_LINK)
    return link


@transaction.atomic
def redeem_password_link(
    *, link_id: int, password: str, cause: Cause, now: datetime, display_name: str | None = None
) -> User:
    """Sets the password of a link's person, and the name of who is invited; the link and other logins end.

    ``cause`` says from where; the person is the actor. Raises NotFoundError if the link is not live any more,
    ValidationError for a password that is refused, with which the link stays live.
    """
    user_id = PasswordLink.objects.filter(pk=link_id).values_list("user_id", flat=True).first()
    if user_id is None:
        raise NotFoundError(_NO_LINK)
    # People before all else; whoever makes, revokes or uses a link of this person waits here.
    lock_user(user_id)
    link = load_password_link(link_id=link_id, now=now)
    by_person = Cause.user(user_id, origin=cause.origin, request_id=cause.request_id)
    link.used_at = now
    link.save(update_fields=["used_at"])
    user = choose_password(
        user_id=user_id,
        password=password,
        display_name=display_name if link.purpose == PasswordLink.Purpose.INVITE else None,
        cause=by_person,
        now=now,
    )
    record_audit(kind=AuditEntry.Kind.LINK_USED, facts=_said(link), cause=by_person, now=now)
    return user


def live_link_of(user: User, now: datetime) -> PasswordLink | None:
    """A person's live link, if there is one."""
    link = _links().filter(user=user, used_at=None, revoked_at=None).first()
    return link if link is not None and _is_live(link, now) else None


def forget_password_links(*, before: datetime, limit: int = 1000) -> int:
    """Drops links that ended or ran out before ``before``; returns how many. The audit trail keeps what was done."""
    ended = Q(used_at__lt=before) | Q(revoked_at__lt=before) | Q(expires_at__lt=before)
    due = list(PasswordLink.objects.filter(ended).values_list("pk", flat=True)[:limit])
    deleted, _ = PasswordLink.objects.filter(pk__in=due).delete()
    return deleted


def _links() -> QuerySet[PasswordLink]:
    return PasswordLink.objects.select_related("user", "created_by")


def _is_live(link: PasswordLink, now: datetime) -> bool:
    if link.used_at is not None or link.revoked_at is not None or link.expires_at <= now or not link.user.is_active:
        return False
    return link.created_by is None or may_manage_person(link.created_by, link.user.role)


def _said(link: PasswordLink) -> dict[str, object]:
    return {"user": link.user_id, "login": link.user.username, "purpose": str(link.purpose), "link": link.hint}
