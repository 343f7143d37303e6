"""Sessions of nodes: issue, renew, validate, end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from mesh.change import Cause, ChangeKind
from mesh.errors import AuthenticationError, NotFoundError
from mesh.keys import decode_public_key
from mesh.tokens import TokenKind, derive_token, parse_kind
from nodes.changes import lock_network, lock_node, record_change
from nodes.facts import node_facts
from nodes.models import Network, Node
from nodes.services.routes import elect_primaries, prefixes_of
from sessions_app.models import NodeSession
from sessions_app.peppers import digest_for_storage, digests_to_look_up


@dataclass(frozen=True, slots=True)
class IssuedSession:
    """A session and its token, which exists only here."""

    session: NodeSession
    token: str


def issue_session(*, node: Node, origin: str, now: datetime, random32: bytes) -> IssuedSession:
    """Starts the session of a node that just registered; a former one ends as replaced.

    Runs in the caller's transaction, under the network's lock.
    """
    _end(NodeSession.objects.filter(node=node, ended_at=None), NodeSession.End.REPLACED, now)
    return _create(node, origin, now, random32)


def renew_session(
    *, network: Network, node: Node, origin: str, cause: Cause, now: datetime, random32: bytes
) -> IssuedSession:
    """A new token for a node that proved its key.

    During a session the present token lives on until the new one is used; a renewal that was never used is
    forgotten. Without one, a new session starts: workers know whose sockets may stay by the id of the session.

    Either way it is recorded. From then on no worker admits the present token from memory: while a new one waits for
    its first use each use of either asks the database, so that the first use of the new one, which is no change, ends
    the old one everywhere. Runs in the caller's transaction, under the lock of ``network``.
    """
    session = NodeSession.objects.filter(node=node, ended_at=None).first()
    if session is not None and session.expires_at <= now:
        _end(NodeSession.objects.filter(pk=session.pk), NodeSession.End.EXPIRED, now)
        session = None
    renewed = session is not None
    issued = _create(node, origin, now, random32) if session is None else _renew(session, node, now, random32)
    facts = {"started": {str(node.pk): issued.session.pk}, "ended": [], "login_required": False, "renewed": renewed}
    record_change(network=network, kind=ChangeKind.SESSIONS, facts=facts, cause=cause, now=now)
    return issued


def find_session(*, token: str) -> NodeSession:
    """The session that ``token`` belongs to, ended or not, with its node, the node's owner and network.

    Raises AuthenticationError for a token that nobody was given, or whose node is gone.
    """
    if parse_kind(token) is not TokenKind.SESSION:
        raise AuthenticationError("This is not a session token.")
    digests = digests_to_look_up(token)
    session = (
        NodeSession.objects.select_related("node__network", "node__owner")
        .filter(Q(digest__in=digests) | Q(pending_digest__in=digests))
        .first()
    )
    if session is None:
        raise AuthenticationError("The session is not known.")
    return session


def use_session(*, session: NodeSession, token: str, now: datetime) -> None:
    """Checks that a session is alive at ``now``; the first use of a renewed token ends the old token.

    Raises AuthenticationError if it ended or expired: clocks decide here, whether or not a periodic task has run.
    """
    if session.ended_at is not None or session.expires_at <= now:
        raise AuthenticationError("The session has ended.")
    if session.pending_digest is not None and bytes(session.pending_digest) in digests_to_look_up(token):
        _promote(session)


@transaction.atomic
def revoke_session(*, session_id: int, cause: Cause, now: datetime) -> None:
    """Ends a session and marks its node "log in again": only a registration brings it back.

    Raises NotFoundError. Revoking an ended session changes nothing: the one that came after it is another.
    """
    _end_for_good(session_id, NodeSession.End.REVOKED, cause, now)


@transaction.atomic
def log_out(*, session_id: int, cause: Cause, now: datetime) -> None:
    """Ends a session at its node's own wish: it must register again.

    Raises NotFoundError. If the session has ended meanwhile nothing changes.
    """
    _end_for_good(session_id, NodeSession.End.LOGGED_OUT, cause, now)


def _end_for_good(session_id: int, reason: NodeSession.End, cause: Cause, now: datetime) -> None:
    node_id = NodeSession.objects.filter(pk=session_id).values_list("node_id", flat=True).first()
    if node_id is None:
        raise NotFoundError(f"There is no session {session_id}.")
    network, node = lock_node(node_id)
    # This session and no other: a registration may have replaced it while this call waited for the lock.
    if not _end(NodeSession.objects.filter(pk=session_id, ended_at=None), reason, now):
        return
    Node.objects.filter(pk=node.pk).update(login_required=True, online=False)
    _record(network, [node.pk], reason, cause, now, login_required=True)
    moved = elect_primaries(network=network, prefixes=prefixes_of([node.pk]))
    if moved:
        record_change(network=network, kind=ChangeKind.NODES, facts=node_facts(network.pk, moved), cause=cause, now=now)


def end_sessions(*, node_ids: Iterable[int], reason: NodeSession.End, now: datetime) -> int:
    """Ends the active sessions of nodes within the caller's transaction; returns how many there were."""
    return _end(NodeSession.objects.filter(node_id__in=list(node_ids), ended_at=None), reason, now)


def expire_sessions(*, network_id: int, now: datetime, limit: int = 1000) -> int:
    """Ends sessions whose time is over, as one change; returns how many. Harmless when doubled or late."""
    due = NodeSession.objects.filter(node__network_id=network_id, ended_at=None, expires_at__lte=now)
    # Most of the time there is nothing to do, and nobody should wait for the lock of the network meanwhile.
    return _expire(network_id, due, now, limit) if due.exists() else 0


@transaction.atomic
def _expire(network_id: int, due: QuerySet[NodeSession], now: datetime, limit: int) -> int:
    network = lock_network(network_id)
    expired = list(due.values_list("pk", "node_id")[:limit])
    if expired:
        _end(NodeSession.objects.filter(pk__in=[pk for pk, _ in expired]), NodeSession.End.EXPIRED, now)
        node_ids, cause = [node_id for _, node_id in expired], Cause.system("expiry")
        _record(network, node_ids, NodeSession.End.EXPIRED, cause, now, login_required=False)
    return len(expired)


def end_sessions_of_owner(*, network: Network, owner_id: int, cause: Cause, now: datetime) -> None:
    """Ends the sessions of a disabled person's nodes within the caller's transaction, as one change.

    The nodes need not log in again: once the person is enabled, a proof of their keys gives them a new session.
    """
    active = NodeSession.objects.filter(node__network=network, node__owner_id=owner_id, ended_at=None)
    node_ids = list(active.values_list("node_id", flat=True))
    if node_ids:
        end_sessions(node_ids=node_ids, reason=NodeSession.End.REVOKED, now=now)
        _record(network, node_ids, NodeSession.End.REVOKED, cause, now, login_required=False)


def active_sessions(network_id: int) -> dict[int, int]:
    """Session ids by node id, of the sessions of a network that have not ended."""
    rows = NodeSession.objects.filter(node__network_id=network_id, ended_at=None)
    return dict(rows.values_list("node_id", "pk").iterator(2000))


def _create(node: Node, origin: str, now: datetime, random32: bytes) -> IssuedSession:
    token = _token(node, now, random32)
    stored = digest_for_storage(token)
    timeout: timedelta = settings.GHOSTWIRE.auth.session_timeout
    session = NodeSession.objects.create(
        node=node,
        digest=stored.digest,
        pepper=stored.pepper,
        created_at=now,
        expires_at=now + timeout,
        origin=origin,
    )
    return IssuedSession(session, token)


def _renew(session: NodeSession, node: Node, now: datetime, random32: bytes) -> IssuedSession:
    token = _token(node, now, random32)
    stored = digest_for_storage(token)
    session.pending_digest, session.pending_pepper = stored.digest, stored.pepper
    session.expires_at = now + settings.GHOSTWIRE.auth.session_timeout
    session.save(update_fields=["pending_digest", "pending_pepper", "expires_at"])
    return IssuedSession(session, token)


def _token(node: Node, now: datetime, random32: bytes) -> str:
    key = decode_public_key(node.public_key)
    return derive_token(TokenKind.SESSION, id=node.pk, public_key=key, at=now, random32=random32)


def _promote(session: NodeSession) -> None:
    # The condition makes two first uses at once harmless: one moves the digest, the other finds it moved.
    NodeSession.objects.filter(pk=session.pk, pending_digest=session.pending_digest).update(
        digest=session.pending_digest, pepper=session.pending_pepper, pending_digest=None, pending_pepper=""
    )
    session.digest, session.pepper = session.pending_digest, session.pending_pepper
    session.pending_digest, session.pending_pepper = None, ""


def _end(sessions: QuerySet[NodeSession], reason: NodeSession.End, now: datetime) -> int:
    return sessions.update(ended_at=now, end_reason=reason, pending_digest=None, pending_pepper="")


def _record(
    network: Network,
    node_ids: Iterable[int],
    reason: NodeSession.End,
    cause: Cause,
    now: datetime,
    *,
    login_required: bool,
) -> None:
    facts = {"ended": sorted(node_ids), "reason": reason.value, "login_required": login_required}
    record_change(network=network, kind=ChangeKind.SESSIONS, facts=facts, cause=cause, now=now)
