"""Whom a node belongs to: handing it to a person, which is another principal from then on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from acl.services.approvals import approve_routes
from mesh.change import Cause, ChangeKind
from mesh.errors import FieldError, ResourceExhaustedError, ValidationError
from nodes.changes import lock_network, lock_node, record_change
from nodes.facts import node_facts
from nodes.models import Network, Node
from nodes.services.nodes import write_tags
from nodes.services.routes import elect_primaries, prefixes_of
from sessions_app.models import NodeSession, User
from sessions_app.services.sessions import end_sessions
from sessions_app.services.users import lock_users


@transaction.atomic
def give_node(*, node_id: int, owner_id: int, cause: Cause, now: datetime) -> Node:
    """Makes a person the owner of a node that belonged to another person or to tags.

    Its session ends and it must register again, with a key of the new owner; routes that the policy approved for the
    former owner are withdrawn, and approved anew where the policy does so for this one. It keeps name and addresses.
    One that belonged to tags lets go of them, and its key expires from now on. Raises NotFoundError, ValidationError
    for an owner who is not there or disabled, ResourceExhaustedError if the person would have too many nodes.
    """
    heir = active(lock_users([owner_id]).get(owner_id), member="user")
    network, node = lock_node(node_id)
    if node.owner_id != heir.pk:
        check_quota(owner_id=heir.pk, more=1)
        give_nodes(network=network, nodes=[node], heir=heir, cause=cause, now=now)
        node.refresh_from_db()
    return node


def give_nodes(*, network: Network, nodes: Sequence[Node], heir: User, cause: Cause, now: datetime) -> None:
    """Hands nodes of a locked network to ``heir``, who is locked too, as one change."""
    node_ids = [node.pk for node in nodes]
    for node in nodes:
        if node.tagged:
            write_tags(node=node, tags=[])
            node.key_expires_at = now + settings.GHOSTWIRE.auth.node_key_lifetime
        # Another principal from here on: whoever holds the old session must not keep it.
        node.owner, node.tagged, node.login_required, node.online = heir, False, True, False
        node.save(update_fields=["owner", "tagged", "key_expires_at", "login_required", "online"])
    end_sessions(node_ids=node_ids, reason=NodeSession.End.REVOKED, now=now)
    moved = elect_primaries(network=network, prefixes=prefixes_of(node_ids))
    moved |= approve_routes(network=network, node_ids=node_ids, now=now)
    facts = node_facts(network.pk, {*node_ids, *moved}) | {"given_to": heir.pk}
    record_change(network=network, kind=ChangeKind.NODES, facts=facts, cause=cause, now=now)


def active(heir: User | None, *, member: str) -> User:
    """The person who is to own nodes. Raises ValidationError naming ``member`` if there is none, or one disabled."""
    if heir is None or not heir.is_active:
        message = "There is no such active user."
        raise ValidationError(message, errors=(FieldError(member, message),))
    return heir


def check_quota(*, owner_id: int | None, more: int) -> None:
    """Raises ResourceExhaustedError if a person would have more nodes than one may with ``more`` of them.

    The caller holds the person's row: nodes of all networks count, and no network's lock keeps another network from
    counting at the same moment.
    """
    limit = settings.GHOSTWIRE.auth.max_nodes_per_user
    if Node.objects.filter(owner_id=owner_id).count() + more > limit:
        raise ResourceExhaustedError(f"A person owns at most {limit} nodes.")


def nodes_by_network(owner_id: int) -> list[tuple[Network, list[Node]]]:
    """A person's nodes by network, each of which is locked, in the order of ids."""
    network_ids = Node.objects.filter(owner_id=owner_id).order_by().values_list("network_id", flat=True).distinct()
    found = []
    for network_id in sorted(network_ids):
        network = lock_network(network_id)
        found.append((network, list(Node.objects.filter(network=network, owner_id=owner_id).order_by("pk"))))
    return found
