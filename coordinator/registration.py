"""Registers machines: one transaction over keys, nodes and sessions (agent protocol, "Registration")."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from django.conf import settings
from django.db import transaction

from acl.selectors import is_named_by_policy, policy_names_beginning
from acl.services.approvals import approve_routes
from coordinator.challenges import Proof, record_proof
from coordinator.limits import source_of
from coordinator.ownership import check_quota
from coordinator.principals import grant_tags, is_same_principal
from mesh.change import Cause, ChangeKind
from mesh.errors import AuthenticationError, PermissionDeniedError
from nodes.changes import lock_network, record_change
from nodes.facts import node_facts
from nodes.models import Network, Node, RetiredKey
from nodes.services.endpoints import read_endpoints, write_endpoints
from nodes.services.names import choose_name
from nodes.services.nodes import ReportedFacts, apply_reported, check_latencies, check_posture, create_node
from nodes.services.routes import elect_primaries, parse_prefixes, prefixes_of, write_advertised_routes
from sessions_app.models import AuthKey, Enrolment, User
from sessions_app.services.auth_keys import (
    check_people,
    created_node,
    is_alive,
    is_usable,
    lock_auth_key,
    note_return,
    redeem_auth_key,
)
from sessions_app.services.enrolments import drop_enrolment_of, open_enrolment
from sessions_app.services.sessions import IssuedSession, issue_session

# The same words for every failure of key, proof or challenge: nothing tells which part was wrong.
REFUSED = "The auth key or the proof is not valid."


@dataclass(frozen=True, slots=True)
class RegistrationRequest:
    """What a machine asks: its proof, its auth key, what it says of itself, and the tags it wishes for.

    ``random32``: 32 random bytes for the session's token; ``random16``: 16 for the code of a machine that must wait.
    """

    proof: Proof
    auth_key_secret: str
    reported: ReportedFacts
    tags: Sequence[str]
    origin: str
    request_id: str
    now: datetime
    random32: bytes
    random16: bytes


@dataclass(frozen=True, slots=True)
class Registration:
    """What a registration led to. ``created``: a new node, else one that was known."""

    node: Node
    network: Network
    session: IssuedSession
    created: bool
    map_version: int


@transaction.atomic
def register_node(*, request: RegistrationRequest) -> Registration | Enrolment:
    """Lets a machine in that proved its key, or back in; or has it wait where the network approves each new node.

    Raises AuthenticationError (always the same words), PermissionDeniedError (another principal's node, a retired
    key, tags that may not be asked for, a disabled node), ValidationError, ThrottledError for too many that wait, and
    ResourceExhaustedError without a trace: the transaction holds everything.
    """
    try:
        record_proof(request.proof)
        auth_key = lock_auth_key(secret=request.auth_key_secret)
        _lock_owner(auth_key)
        network = lock_network(auth_key.network_id)
        # Under the lock, which disabling a person takes too: nobody slips in behind that.
        check_people(auth_key)
    except AuthenticationError as error:
        raise AuthenticationError(REFUSED) from error
    node = Node.objects.select_related("owner").filter(public_key=request.proof.public_key).first()
    if node is None:
        if not is_usable(auth_key, request.now):
            raise AuthenticationError(REFUSED)
        check_not_retired(request.proof.public_key)
        granted = grant_tags(auth_key, request.tags)
        if network.approve_nodes and not auth_key.pre_approved:
            return wait_for_person(network=network, request=request, tags=granted, auth_key=auth_key)
        principal = Principal(None if granted else auth_key.owner_id, granted, auth_key.ephemeral)
        node = newcomer(network, request.proof.public_key, request.reported, principal, request.now)
        redeem_auth_key(auth_key=auth_key, node=node, now=request.now)
        drop_enrolment_of(public_key=node.public_key)
        return admit(network, node, request, created=True)
    moved = _bring_back(network, auth_key, node, request)
    drop_enrolment_of(public_key=node.public_key)
    return admit(network, node, request, created=False, moved=moved)


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a new node belongs to: a person, or tags; and whether it is removed when it stays away."""

    owner_id: int | None
    tags: Sequence[str]
    ephemeral: bool = False


def check_not_retired(public_key: str) -> None:
    """Raises PermissionDeniedError for a key that was rotated away, or whose node an administrator deleted."""
    if RetiredKey.objects.filter(public_key=public_key).exists():
        raise PermissionDeniedError("This key was retired. An administrator can release it.")


def wait_for_person(
    *,
    network: Network,
    request: RegistrationRequest,
    tags: Sequence[str],
    auth_key: AuthKey | None = None,
    node: Node | None = None,
) -> Enrolment:
    """Has a machine wait, under the network's lock: it gets a code and takes nothing.

    What it says of itself is checked now, so that it cannot spoil the approval. Raises ValidationError, ThrottledError.
    """
    return open_enrolment(
        network=network,
        public_key=request.proof.public_key,
        reported=_checked_facts(network, request.reported),
        tags=tags,
        auth_key=auth_key,
        node=node,
        origin=request.origin,
        source=source_of(request.origin),
        now=request.now,
        random16=request.random16,
    )


def _checked_facts(network: Network, reported: ReportedFacts) -> dict[str, Any]:
    checked = replace(
        reported,
        posture=None if reported.posture is None else check_posture(reported.posture),
        relay_latency_ms=None if reported.relay_latency_ms is None else check_latencies(reported.relay_latency_ms),
        endpoints=None if reported.endpoints is None else [str(e) for e in read_endpoints(network, reported.endpoints)],
        routes=None if reported.routes is None else parse_prefixes(network, reported.routes),
    )
    return {name: value for name, value in asdict(checked).items() if value is not None}


def newcomer(network: Network, public_key: str, reported: ReportedFacts, principal: Principal, now: datetime) -> Node:
    """Creates the node of a machine, under the locks of its owner and its network, with name, addresses and routes.

    Raises ResourceExhaustedError (the person has too many nodes, a pool is empty), ValidationError for its facts.
    """
    granted = principal.tags
    if not granted:
        check_quota(owner_id=principal.owner_id, more=1)
    node = create_node(
        network=network,
        public_key=public_key,
        name=choose_name(
            network=network,
            hostname=reported.hostname or "",
            is_named_by_policy=lambda name: is_named_by_policy(network.pk, name),
            policy_names_beginning=lambda beginning: policy_names_beginning(network.pk, beginning),
            now=now,
        ),
        owner_id=principal.owner_id,
        tags=granted,
        ephemeral=principal.ephemeral,
        # A tagged node is a server: nobody could log in again for it.
        key_expires_at=None if granted else now + settings.GHOSTWIRE.auth.node_key_lifetime,
        reported=reported,
        now=now,
    )
    # Most machines have neither when they come, and the whole network waits behind this one.
    if reported.endpoints:
        write_endpoints(network=network, node=node, endpoints=reported.endpoints)
    if reported.routes:
        write_advertised_routes(network=network, node=node, prefixes=reported.routes)
    return node


def _bring_back(network: Network, auth_key: AuthKey, node: Node, request: RegistrationRequest) -> set[int]:
    """Refreshes a known node. Returns the ids of other nodes whose routes moved."""
    now, reported = request.now, request.reported
    usable = is_usable(auth_key, now)
    # A one-off key that is used up, or has run out since, may bring back the one node that it created.
    is_its_creator = auth_key.revoked_at is None and auth_key.max_uses == 1 and created_node(auth_key, node)
    if not usable and not is_its_creator:
        raise AuthenticationError(REFUSED)
    if not is_its_creator and not is_same_principal(auth_key, node):
        raise PermissionDeniedError("This machine belongs to somebody else.")
    check_may_return(node)
    if (has_expired(node, now) or node.login_required) and not usable:
        raise PermissionDeniedError("A used-up key cannot bring this node back.")
    moved = bring_back(network, node, reported, now)
    if is_alive(auth_key, now):
        note_return(auth_key=auth_key, now=now)
    return moved


def check_may_return(node: Node) -> None:
    """Raises PermissionDeniedError for a node that a login must not bring back: it, or its owner, was disabled."""
    if node.state in (Node.State.DISABLED, Node.State.PENDING):
        raise PermissionDeniedError(f"This node is {node.get_state_display().lower()}.")
    if node.owner is not None and not node.owner.is_active:
        raise PermissionDeniedError("The owner of this node is disabled.")


def has_expired(node: Node, now: datetime) -> bool:
    """Whether the time of the node's key is over, whether or not the periodic task has run."""
    return node.state == Node.State.EXPIRED or (node.key_expires_at is not None and node.key_expires_at <= now)


def bring_back(network: Network, node: Node, reported: ReportedFacts, now: datetime) -> set[int]:
    """Lifts expiry and "log in again" of a node and refreshes its facts, under the network's lock.

    Returns the ids of other nodes whose routes moved. Raises ValidationError for facts that are refused.
    """
    if has_expired(node, now):
        node.state = Node.State.ACTIVE
        node.key_expires_at = None if node.tagged else now + settings.GHOSTWIRE.auth.node_key_lifetime
    node.login_required = False
    apply_reported(network=network, node=node, reported=reported)
    node.save()
    before = prefixes_of([node.pk])
    if reported.endpoints is not None:
        write_endpoints(network=network, node=node, endpoints=reported.endpoints)
    if reported.routes is not None:
        write_advertised_routes(network=network, node=node, prefixes=reported.routes)
    return elect_primaries(network=network, prefixes={*before, *prefixes_of([node.pk])})


class Caller(Protocol):
    """Who registers: from where, in which call, when; and 32 random bytes for the session's token."""

    @property
    def origin(self) -> str: ...
    @property
    def request_id(self) -> str: ...
    @property
    def now(self) -> datetime: ...
    @property
    def random32(self) -> bytes: ...


def admit(network: Network, node: Node, request: Caller, *, created: bool, moved: Iterable[int] = ()) -> Registration:
    """Starts the session of a node that may take part, and tells its network. Under the network's lock."""
    session = issue_session(node=node, origin=request.origin, now=request.now, random32=request.random32)
    approved = approve_routes(network=network, node_ids=[node.pk], now=request.now)
    facts = node_facts(network.pk, {node.pk, *moved, *approved}) | {
        "created": created,
        "started": {str(node.pk): session.session.pk},
    }
    cause = Cause.node(node.pk, origin=request.origin, request_id=request.request_id)
    version = record_change(network=network, kind=ChangeKind.NODES, facts=facts, cause=cause, now=request.now)
    return Registration(node, network, session, created, version)


def _lock_owner(auth_key: AuthKey) -> None:
    """Locks the person whose nodes are counted. Nodes of all networks count, and a network's lock does not keep another
    network's registrations from counting at the same moment. People come before networks, whoever locks both."""
    if auth_key.owner_id is not None and not auth_key.tagged:
        list(User.objects.select_for_update(no_key=True).filter(pk=auth_key.owner_id))
