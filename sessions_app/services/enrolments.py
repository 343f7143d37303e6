"""Machines that wait for a person: the requests themselves. Who decides them: ``coordinator.enrolments``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from mesh.errors import NotFoundError, ThrottledError, ValidationError
from nodes.hints import tell_portal
from nodes.models import Network, Node
from sessions_app.models import AuthKey, Enrolment

LIFETIME: Final = timedelta(minutes=10)
MOST_IN_NETWORK: Final = 1000
MOST_FROM_ADDRESS: Final = 5
# Consonants alone spell no words, and none of them looks like a digit (RFC 8628, section 6.1).
ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"
CODE_LENGTH: Final = 8
RANDOM_BYTES: Final = 16


def derive_code(random16: bytes) -> str:
    """A code: eight of ``ALPHABET``'s letters, 34 bits, from 16 random bytes (so that no letter is likelier).

    Raises ValidationError for anything but 16 bytes.
    """
    if len(random16) != RANDOM_BYTES:
        raise ValidationError(f"A code is made with {RANDOM_BYTES} random bytes, not {len(random16)}.")
    number, letters = int.from_bytes(random16, "big"), []
    for _ in range(CODE_LENGTH):
        number, index = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[index])
    return "".join(letters)


def read_code(text: str) -> str | None:
    """A code as somebody typed it: in any case, with or without hyphens and blanks. None if it can be none."""
    letters = "".join(text.upper().replace("-", "").split())
    well_formed = len(letters) == CODE_LENGTH and all(letter in ALPHABET for letter in letters)
    return letters if well_formed else None


def live_enrolments(now: datetime) -> QuerySet[Enrolment]:
    """The requests whose time is not over, whether or not the periodic task has run."""
    return Enrolment.objects.filter(expires_at__gt=now)


def find_enrolment(*, code: str, now: datetime) -> Enrolment:
    """The live request with this code, with all that it refers to. Raises NotFoundError."""
    letters = read_code(code)
    rows = live_enrolments(now).select_related("network", "node__owner", "auth_key__owner", "decided_by")
    found = None if letters is None else rows.filter(code=letters).first()
    if found is None:
        raise NotFoundError("No machine waits with this code. Codes last ten minutes.")
    return found


def open_enrolment(
    *,
    network: Network,
    public_key: str,
    reported: Mapping[str, Any],
    tags: Sequence[str],
    auth_key: AuthKey | None,
    node: Node | None,
    origin: str,
    source: str,
    now: datetime,
    random16: bytes,
) -> Enrolment:
    """Writes a request down, in place of a former one of the same key; one that was just approved stands.

    ``reported`` and ``tags`` are checked already; ``source`` is what counts as one address. Runs in the caller's
    transaction, under the network's lock, which keeps requests at once from slipping past the limits together. Raises
    ThrottledError if the network or the address has too many machines waiting.
    """
    former = Enrolment.objects.select_for_update(of=("self",)).filter(public_key=public_key).first()
    if former is not None:
        if former.state == Enrolment.State.APPROVED and former.expires_at > now:
            return former
        former.delete()
    waiting = live_enrolments(now).filter(state=Enrolment.State.PENDING)
    _check_room(waiting.filter(source=source), MOST_FROM_ADDRESS, "this address", now)
    _check_room(waiting.filter(network=network), MOST_IN_NETWORK, "this network", now)
    tell_of_enrolments(network.pk)
    return Enrolment.objects.create(
        network=network,
        code=derive_code(random16),
        public_key=public_key,
        reported=dict(reported),
        tags=list(tags),
        auth_key=auth_key,
        node=node,
        origin=origin,
        source=source,
        created_at=now,
        expires_at=now + LIFETIME,
    )


def tell_of_enrolments(network_id: int | None = None) -> None:
    """Has open pages, of all networks by default, look again at who waits, once the transaction is committed."""
    transaction.on_commit(partial(tell_portal, "enrolments", network_id), robust=True)


def lock_enrolment(*, enrolment_id: int, now: datetime) -> Enrolment:
    """A live request, locked for the transaction; the caller holds its network. Raises NotFoundError."""
    rows = live_enrolments(now).select_related("node__owner").select_for_update(of=("self",))
    found = rows.filter(pk=enrolment_id).first()
    if found is None:
        raise NotFoundError(f"There is no waiting machine {enrolment_id}: it gave up, or its ten minutes are over.")
    return found


def drop_enrolment_of(*, public_key: str) -> None:
    """The machine came in by another way: it waits no more."""
    deleted, _ = Enrolment.objects.filter(public_key=public_key).delete()
    if deleted:
        tell_of_enrolments()


def forget_enrolments(*, now: datetime) -> int:
    """Drops the requests whose time is over; returns how many. Until then they count for nothing anyway."""
    deleted, _ = Enrolment.objects.filter(expires_at__lte=now).delete()
    if deleted:
        tell_of_enrolments()
    return deleted


def _check_room(waiting: QuerySet[Enrolment], most: int, where: str, now: datetime) -> None:
    if waiting.count() < most:
        return
    first = waiting.order_by("expires_at").values_list("expires_at", flat=True).first()
    wait = 1.0 if first is None else max(1.0, (first - now).total_seconds())
    raise ThrottledError(f"{most} machines of {where} wait for approval already.", retry_after=wait)
