"""Machines without an auth key, or in networks that approve each node: they wait, a person decides, they come in.

The machine gets a code and shows it to its person. Whoever is logged in and has the code sees what asks (hostname,
fingerprint, origin) and takes it as an own device or with tags, or rejects it. The node is made in the moment of the
approval, so that an empty pool or too many nodes is said to the person; the machine fetches its session with a proof of
the key that waits. The code alone gives nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from acl.services.approvals import approve_routes
from coordinator.authentication import check_node
from coordinator.challenges import Proof, record_proof
from coordinator.ownership import active
from coordinator.principals import grant_tags, may_tag, read_tags
from coordinator.registration import (
    REFUSED,
    Principal,
    Registration,
    RegistrationRequest,
    admit,
    bring_back,
    check_may_return,
    check_not_retired,
    newcomer,
    wait_for_person,
)
from mesh.change import Cause, ChangeKind
from mesh.errors import (
    AuthenticationError,
    ConflictError,
    FieldError,
    NotFoundError,
    PermissionDeniedError,
    ValidationError,
)
from nodes.changes import lock_network, record_change
from nodes.facts import node_facts
from nodes.models import Network, Node
from nodes.selectors import get_network
from nodes.services.nodes import ReportedFacts
from sessions_app.models import AuthKey, Enrolment, User
from sessions_app.roles import allows
from sessions_app.services.auth_keys import check_people, is_usable, redeem_auth_key
from sessions_app.services.enrolments import (
    LIFETIME,
    live_enrolments,
    lock_enrolment,
    read_code,
    tell_of_enrolments,
)
from sessions_app.services.users import lock_users


@dataclass(frozen=True, slots=True)
class Collection:
    """A waiting machine asks what became of it. ``random32``: 32 random bytes for the session's token."""

    proof: Proof
    code: str
    origin: str
    request_id: str
    now: datetime
    random32: bytes


@transaction.atomic
def request_enrolment(*, request: RegistrationRequest, network_name: str | None) -> Enrolment:
    """Has a machine wait that proved its key and has no auth key.

    It asks for the network that it names, by default the only one; a key that is known asks for the network of its
    node. Raises AuthenticationError for a proof that was used before, ValidationError for a network that is not there
    or was not named, PermissionDeniedError (a retired key, a disabled node), ThrottledError for too many that wait.
    """
    try:
        record_proof(request.proof)
    except AuthenticationError as error:
        raise AuthenticationError(REFUSED) from error
    known = Node.objects.filter(public_key=request.proof.public_key).values_list("network_id", flat=True).first()
    network = lock_network(known or _network_named(network_name).pk)
    node = Node.objects.select_related("owner").filter(public_key=request.proof.public_key).first()
    tags = read_tags(request.tags)
    if node is None:
        check_not_retired(request.proof.public_key)
        return wait_for_person(network=network, request=request, tags=tags)
    if network_name not in (None, network.name):
        raise PermissionDeniedError("This machine belongs to another network.")
    check_may_return(node)
    return wait_for_person(network=network, request=request, tags=tags, node=node)


@transaction.atomic
def collect_enrolment(*, collection: Collection) -> Registration | Enrolment:
    """What became of a waiting machine: its registration, with a new session each time, or the request as it stands.

    Raises AuthenticationError for a proof that was used before; NotFoundError, always in the same words, for a code
    that is none, or of another key, or whose time is over; PermissionDeniedError for a node that was cut off since.
    """
    now = collection.now
    try:
        record_proof(collection.proof)
    except AuthenticationError as error:
        raise AuthenticationError(REFUSED) from error
    rows = live_enrolments(now).filter(code=read_code(collection.code), public_key=collection.proof.public_key)
    found = rows.first()
    if found is None:
        raise _unknown()
    if found.state != Enrolment.State.APPROVED:
        return found
    network = lock_network(found.network_id)
    # Under the lock: the node may have left, or changed its key, meanwhile.
    found = rows.select_related("node__owner").first()
    if found is None or found.node is None or found.node.public_key != collection.proof.public_key:
        raise _unknown()
    check_node(found.node, now)
    if found.node.login_required:
        raise PermissionDeniedError("This machine must register again.")
    return admit(network, found.node, collection, created=False)


@transaction.atomic
def approve_enrolment(
    *,
    enrolment_id: int,
    actor: User | None,
    cause: Cause,
    now: datetime,
    owner_id: int | None = None,
    tags: Sequence[str] = (),
) -> Node:
    """Lets a waiting machine in, as one change: as a device of ``actor`` or of ``owner_id``, or with ``tags``.

    Where an auth key or the node itself says whom the machine belongs to, it stays so and neither may be given.
    ``actor`` None: a command, which may all. Raises NotFoundError, ConflictError (decided already; the auth key ended
    meanwhile), PermissionDeniedError, ValidationError, ResourceExhaustedError.
    """
    seen = _seen(enrolment_id, now)
    wanted = read_tags(tags)
    # Keys, then people, then networks: the order in which a registration takes them too.
    auth_key = None
    if seen.auth_key_id is not None:
        auth_key = AuthKey.objects.select_for_update(of=("self",)).get(pk=seen.auth_key_id)
    heir_id = owner_id if owner_id is not None else None if wanted or actor is None else actor.pk
    if auth_key is not None:
        heir_id = None if seen.tags else auth_key.owner_id
    people = lock_users([pk for pk in (heir_id, None if actor is None else actor.pk) if pk is not None])
    network = lock_network(seen.network_id)
    enrolment = lock_enrolment(enrolment_id=enrolment_id, now=now)
    _check_undecided(enrolment)
    if actor is not None:
        actor = active(people.get(actor.pk), member="user")  # as the person is now
    _check_may_approve(actor, network, enrolment, owner_id=owner_id, tags=wanted)
    reported = ReportedFacts(**enrolment.reported)
    moved: set[int] = set()
    created = enrolment.node is None
    if enrolment.node is not None:
        node = enrolment.node
        check_may_return(node)
        moved = bring_back(network, node, reported, now)
    else:
        if Node.objects.filter(public_key=enrolment.public_key).exists():
            raise ConflictError("This machine came in by another way meanwhile.")
        check_not_retired(enrolment.public_key)
        if auth_key is not None:
            _check_still_good(auth_key, now)
            # What the key may give is asked again: its owner may have lost a tag.
            principal = Principal(heir_id, grant_tags(auth_key, enrolment.tags), auth_key.ephemeral)
        elif wanted:
            principal = Principal(None, wanted)
        else:
            heir = active(None if heir_id is None else people.get(heir_id), member="user")
            principal = Principal(heir.pk, ())
        node = newcomer(network, enrolment.public_key, reported, principal, now)
        if auth_key is not None:
            redeem_auth_key(auth_key=auth_key, node=node, now=now)
    moved |= approve_routes(network=network, node_ids=[node.pk], now=now)
    _decide(enrolment, Enrolment.State.APPROVED, actor, now, node=node)
    facts = node_facts(network.pk, {node.pk, *moved}) | {"created": created, "enrolment": enrolment.pk}
    record_change(network=network, kind=ChangeKind.NODES, facts=facts, cause=cause, now=now)
    return node


@transaction.atomic
def reject_enrolment(*, enrolment_id: int, actor: User | None, cause: Cause, now: datetime) -> Enrolment:
    """Turns a waiting machine away, which the log of changes keeps.

    Raises NotFoundError, ConflictError if it was decided already, PermissionDeniedError.
    """
    network = lock_network(_seen(enrolment_id, now).network_id)
    enrolment = lock_enrolment(enrolment_id=enrolment_id, now=now)
    _check_undecided(enrolment)
    if not may_decide(actor, network, enrolment):
        raise PermissionDeniedError("Somebody who approves nodes decides about this machine.")
    _decide(enrolment, Enrolment.State.REJECTED, actor, now, node=enrolment.node)
    said = {"id": enrolment.pk, "name": enrolment.hostname, "public_key": enrolment.public_key}
    facts = {"enrolments": [said | {"origin": enrolment.origin, "rejected_at": now.isoformat()}]}
    record_change(network=network, kind=ChangeKind.CREDENTIALS, facts=facts, cause=cause, now=now)
    return enrolment


def may_decide(actor: User | None, network: Network, enrolment: Enrolment) -> bool:
    """Whether a person who has the code may approve or reject: whoever approves nodes; anybody for a machine without an
    auth key where the network does not approve each node; and for a known node only whom it belongs to."""
    if actor is None or allows(actor, "nodes.approve"):
        return True
    if not actor.is_active or enrolment.auth_key_id is not None:
        return False
    node = enrolment.node
    if node is None:
        return not network.approve_nodes
    if not node.tagged:
        return node.owner_id == actor.pk
    return all(may_tag(actor, network_id=network.pk, tag=row.tag) for row in node.tags.all())


def _check_may_approve(
    actor: User | None, network: Network, enrolment: Enrolment, *, owner_id: int | None, tags: Sequence[str]
) -> None:
    if owner_id is not None and tags:
        message = "A node belongs to a user or to tags."
        raise ValidationError(message, errors=(FieldError("user", message),))
    if not may_decide(actor, network, enrolment):
        raise PermissionDeniedError("Somebody who approves nodes decides about this machine.")
    if enrolment.auth_key_id is not None or enrolment.node is not None:
        if owner_id is not None or tags:
            message = "Whom this machine belongs to is settled."
            raise ValidationError(message, errors=(FieldError("tags" if tags else "user", message),))
        return
    if actor is None:
        if owner_id is None and not tags:
            message = "Say whose the machine is: a user or tags."
            raise ValidationError(message, errors=(FieldError("user", message),))
        return
    if owner_id not in (None, actor.pk) and not allows(actor, "nodes.manage"):
        raise PermissionDeniedError("Your role does not permit giving machines to others.")
    refused = [tag for tag in tags if not may_tag(actor, network_id=network.pk, tag=tag)]
    if refused:
        raise PermissionDeniedError(f"You may not give {', '.join(refused)}.")


def _check_still_good(auth_key: AuthKey, now: datetime) -> None:
    try:
        check_people(auth_key)
    except AuthenticationError as error:
        raise ConflictError("A person behind its auth key is disabled.") from error
    if not is_usable(auth_key, now):
        raise ConflictError("The auth key it came with was used up, revoked or expired meanwhile.")


def _check_undecided(enrolment: Enrolment) -> None:
    if enrolment.state != Enrolment.State.PENDING:
        raise ConflictError(f"This machine was {enrolment.get_state_display().lower()} already.")


def _decide(
    enrolment: Enrolment, state: Enrolment.State, actor: User | None, now: datetime, *, node: Node | None
) -> None:
    """Writes the decision down, and gives the machine as long again to hear of it."""
    enrolment.state, enrolment.decided_by, enrolment.decided_at, enrolment.node = state, actor, now, node
    enrolment.expires_at = now + LIFETIME
    enrolment.save(update_fields=["state", "decided_by", "decided_at", "node", "expires_at"])
    tell_of_enrolments(enrolment.network_id)


def _seen(enrolment_id: int, now: datetime) -> Enrolment:
    found = live_enrolments(now).filter(pk=enrolment_id).first()
    if found is None:
        raise NotFoundError(f"There is no waiting machine {enrolment_id}: it gave up, or its ten minutes are over.")
    return found


def _unknown() -> NotFoundError:
    return NotFoundError("No request of this key waits under this code.")


def _network_named(name: str | None) -> Network:
    """Raises ValidationError naming the member: which networks there are is not for everybody."""
    try:
        return get_network(name)
    except (NotFoundError, ValidationError) as error:
        message = "Name the network to join." if name is None else "There is no such network."
        raise ValidationError(message, errors=(FieldError("network", message),)) from error
