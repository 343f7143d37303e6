"""Registers machines: one transaction over keys, nodes and sessions (agent protocol, "Registration")."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from acl.selectors import is_named_by_policy, owns_tag, policy_names_beginning
from acl.services.approvals import approve_routes
from coordinator.challenges import Proof, record_proof
from coordinator.ownership import check_quota
from mesh.change import Cause, ChangeKind
from mesh.errors import AuthenticationError, FieldError, PermissionDeniedError, ValidationError
from mesh.tags import validate_tag
from nodes.changes import lock_network, record_change
from nodes.facts import node_facts
from nodes.models import Network, Node, RetiredKey
from nodes.services.endpoints import write_endpoints
from nodes.services.names import choose_name
from nodes.services.nodes import ReportedFacts, apply_reported, create_node
from nodes.services.routes import elect_primaries, prefixes_of, write_advertised_routes
from sessions_app.models import AuthKey, User
from sessions_app.roles import allows
from sessions_app.services.auth_keys import (
    check_people,
    created_node,
    is_alive,
    is_usable,
    lock_auth_key,
    note_return,
    redeem_auth_key,
)
from sessions_app.services.sessions import IssuedSession, issue_session

# The same words for every failure of key, proof or challenge: nothing tells which part was wrong.
REFUSED = "The auth key or the proof is not valid."


@dataclass(frozen=True, slots=True)
class RegistrationRequest:
    """What a machine asks: its proof, its auth key, what it says of itself, and the tags it wishes for.

    ``random32``: 32 random bytes for the session's token.
    """

    proof: Proof
    auth_key_secret: str
    reported: ReportedFacts
    tags: Sequence[str]
    origin: str
    request_id: str
    now: datetime
    random32: bytes


@dataclass(frozen=True, slots=True)
class Registration:
    """What a registration led to. ``created``: a new node, else one that was known."""

    node: Node
    network: Network
    session: IssuedSession
    created: bool
    map_version: int


@transaction.atomic
def register_node(*, request: RegistrationRequest) -> Registration:
    """Lets a machine in that proved its key, or back in.

    Raises AuthenticationError (always the same words), PermissionDeniedError (another principal's node, a retired
    key, tags that may not be asked for, a disabled node), ValidationError, and ResourceExhaustedError without a
    trace: the transaction holds everything.
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
        return _admit(network, _newcomer(network, auth_key, request), request, created=True)
    moved = _bring_back(network, auth_key, node, request)
    return _admit(network, node, request, created=False, moved=moved)


def _newcomer(network: Network, auth_key: AuthKey, request: RegistrationRequest) -> Node:
    now, reported = request.now, request.reported
    if not is_usable(auth_key, now):
        raise AuthenticationError(REFUSED)
    if RetiredKey.objects.filter(public_key=request.proof.public_key).exists():
        raise PermissionDeniedError("This key was retired. An administrator can release it.")
    granted = grant_tags(auth_key, request.tags)
    if not granted:
        check_quota(owner_id=auth_key.owner_id, more=1)
    node = create_node(
        network=network,
        public_key=request.proof.public_key,
        name=choose_name(
            network=network,
            hostname=reported.hostname or "",
            is_named_by_policy=lambda name: is_named_by_policy(network.pk, name),
            policy_names_beginning=lambda beginning: policy_names_beginning(network.pk, beginning),
            now=now,
        ),
        owner_id=auth_key.owner_id,
        tags=granted,
        ephemeral=auth_key.ephemeral,
        # A tagged node is a server: nobody could log in again for it.
        key_expires_at=None if granted else now + settings.GHOSTWIRE.auth.node_key_lifetime,
        reported=reported,
        now=now,
    )
    write_endpoints(network=network, node=node, endpoints=reported.endpoints or ())
    write_advertised_routes(network=network, node=node, prefixes=reported.routes or ())
    redeem_auth_key(auth_key=auth_key, node=node, now=now)
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
    if node.state in (Node.State.DISABLED, Node.State.PENDING):
        raise PermissionDeniedError(f"This node is {node.get_state_display().lower()}.")
    if node.owner is not None and not node.owner.is_active:
        raise PermissionDeniedError("The owner of this node is disabled.")
    is_expired = node.state == Node.State.EXPIRED or (node.key_expires_at is not None and node.key_expires_at <= now)
    if (is_expired or node.login_required) and not usable:
        raise PermissionDeniedError("A used-up key cannot bring this node back.")
    if is_expired:
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
    if is_alive(auth_key, now):
        note_return(auth_key=auth_key, now=now)
    return elect_primaries(network=network, prefixes={*before, *prefixes_of([node.pk])})


def _admit(
    network: Network, node: Node, request: RegistrationRequest, *, created: bool, moved: Iterable[int] = ()
) -> Registration:
    session = issue_session(node=node, origin=request.origin, now=request.now, random32=request.random32)
    approved = approve_routes(network=network, node_ids=[node.pk], now=request.now)
    facts = node_facts(network.pk, {node.pk, *moved, *approved}) | {
        "created": created,
        "started": {str(node.pk): session.session.pk},
    }
    cause = Cause.node(node.pk, origin=request.origin, request_id=request.request_id)
    version = record_change(network=network, kind=ChangeKind.NODES, facts=facts, cause=cause, now=request.now)
    return Registration(node, network, session, created, version)


def grant_tags(auth_key: AuthKey, asked: Sequence[str]) -> list[str]:
    """The tags a newcomer gets: those of the key, or those asked for where the key carries them or its owner owns them.

    Raises ValidationError for what is no tag, PermissionDeniedError for one that may not be given.
    """
    normal, errors = [], []
    for index, tag in enumerate(asked):
        try:
            normal.append(validate_tag(tag))
        except ValidationError as error:
            errors.append(FieldError(f"tags.{index}", error.detail))
    if errors:
        raise ValidationError("A tag is refused.", errors=tuple(errors))
    wanted = sorted(set(normal or auth_key.tags))
    refused = [tag for tag in wanted if not may_give(auth_key, tag)]
    if refused:
        raise PermissionDeniedError(f"This key may not give {', '.join(refused)}.")
    return wanted


def is_same_principal(auth_key: AuthKey, node: Node) -> bool:
    """Whether the key stands for whom the node belongs to: the same user, or tags that the key may give."""
    if node.network_id != auth_key.network_id:
        return False
    if not node.tagged:
        return not auth_key.tagged and auth_key.owner_id is not None and auth_key.owner_id == node.owner_id
    held = {row.tag for row in node.tags.all()}
    return bool(held) and all(may_give(auth_key, tag) for tag in held)


def may_give(auth_key: AuthKey, tag: str) -> bool:
    """Whether a key may give ``tag`` now: its owner may, or it carries the tag and whoever made the key still may.

    The tags that a key carries were checked when it was made, and whoever made it may have lost them since. A key that
    a command made carries what it was given.
    """
    if may_give_tag(auth_key.owner, auth_key, tag):
        return True
    if tag not in auth_key.tags:
        return False
    return auth_key.created_by_id is None or may_give_tag(auth_key.created_by, auth_key, tag)


def may_give_tag(user: User | None, auth_key: AuthKey, tag: str) -> bool:
    """Whether a person may give ``tag`` to machines: as its owner by the policy, or as one who manages all nodes."""
    if user is None or not user.is_active:
        return False
    return allows(user, "nodes.manage") or owns_tag(network_id=auth_key.network_id, user_id=user.pk, tag=tag)


def _lock_owner(auth_key: AuthKey) -> None:
    """Locks the person whose nodes are counted. Nodes of all networks count, and a network's lock does not keep another
    network's registrations from counting at the same moment. People come before networks, whoever locks both."""
    if auth_key.owner_id is not None and not auth_key.tagged:
        list(User.objects.select_for_update(no_key=True).filter(pk=auth_key.owner_id))
