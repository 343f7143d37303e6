"""When a person goes: what becomes of the nodes is said by whoever sends the person away, never guessed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from django.db import transaction
from django.db.models import Q

from acl.models import GroupMember
from acl.services.policy import activate_policy, check_no_denial_names
from coordinator.lifecycle import remove_nodes
from coordinator.ownership import active, check_quota, give_nodes, nodes_by_network
from mesh.change import Cause
from mesh.errors import ConflictError, FieldError, NotFoundError, ValidationError
from mesh.policy import Selector, SelectorKind
from nodes.changes import lock_network
from nodes.models import Network, Node
from sessions_app.models import ApiToken, AuthKey, User
from sessions_app.services.users import is_last_owner, lock_users, record_user_deleted, set_user_active


class Fate(StrEnum):
    """What becomes of a person's nodes.

    KEEP: they stay the person's and are cut off, which goes with disabling alone. REFUSE: the person stays for as long
    as there are any, which goes with deletion alone. DELETE: they go too. GIVE: another person owns them.
    """

    KEEP = "keep"
    REFUSE = "refuse"
    DELETE = "delete"
    GIVE = "give"


ON_DELETION = (Fate.REFUSE, Fate.DELETE, Fate.GIVE)
ON_DISABLING = (Fate.KEEP, Fate.DELETE, Fate.GIVE)


@transaction.atomic
def disable_user(
    *,
    user_id: int,
    cause: Cause,
    now: datetime,
    nodes: Fate = Fate.KEEP,
    heir_id: int | None = None,
    forced: bool = False,
) -> User:
    """Disables a person. Keys and tokens are dead; the nodes are cut off, deleted or given to ``heir_id``.

    A person who is disabled already has the rest done. Raises NotFoundError, ValidationError for an heir who is not
    active or not named, ConflictError for the last owner and for nodes that an enabled deny rule names unless
    ``forced``, ResourceExhaustedError if the heir would have too many nodes.
    """
    _check_fate(nodes, ON_DISABLING, user_id, heir_id)
    _, heir = _lock(user_id, heir_id)
    user = set_user_active(user_id=user_id, active=False, cause=cause, now=now)
    _settle(user, nodes, heir, cause, now, forced=forced)
    return user


@transaction.atomic
def delete_user(
    *,
    user_id: int,
    cause: Cause,
    now: datetime,
    nodes: Fate = Fate.REFUSE,
    heir_id: int | None = None,
    forced: bool = False,
) -> None:
    """Deletes a person for good, with keys that the person owned or made, API tokens and memberships of groups.

    Every network records it; networks in whose groups the person was get a new version of their policy. Rules that
    name the person keep its id, which nobody gets again.

    Raises NotFoundError; ConflictError while the person has nodes (with ``Fate.REFUSE``), for the last owner, and,
    unless ``forced``, for what an enabled deny rule names and for objections against the policy without the person;
    ValidationError for an heir who is not active or not named; ResourceExhaustedError if the heir would have too many.
    """
    _check_fate(nodes, ON_DELETION, user_id, heir_id)
    # Keys and tokens before people before networks, as whoever uses or revokes one takes them: they are deleted too.
    list(ApiToken.objects.select_for_update(of=("self",)).filter(user_id=user_id).order_by("pk"))
    keys = AuthKey.objects.select_for_update(of=("self",)).filter(Q(owner_id=user_id) | Q(created_by_id=user_id))
    key_ids = list(keys.order_by("pk").values_list("pk", flat=True))
    user, heir = _lock(user_id, heir_id)
    if is_last_owner(user):
        raise ConflictError("The last owner cannot be deleted.")
    networks = [lock_network(pk) for pk in Network.objects.order_by("pk").values_list("pk", flat=True)]
    if nodes is Fate.REFUSE and (count := Node.objects.filter(owner=user).count()):
        raise ConflictError(f"{user.username} has {count} nodes: say whether to delete them or whom to give them to.")
    _settle(user, nodes, heir, cause, now, forced=forced)
    selector = Selector(SelectorKind.USER, ident=user.pk)
    overridden = {
        network.pk: check_no_denial_names(network=network, selector=selector, what=user.username, forced=forced)
        for network in networks
    }
    _leave_groups(user, cause, now, overridden, forced=forced)
    said = sorted({objection for objections in overridden.values() for objection in objections})
    deleted = {"id": user.pk, "login": user.username, "auth_keys": key_ids}
    user.delete()
    record_user_deleted(said=deleted | ({"forced": said} if said else {}), cause=cause, now=now)


def _settle(user: User, nodes: Fate, heir: User | None, cause: Cause, now: datetime, *, forced: bool) -> None:
    if nodes is Fate.DELETE:
        for network, owned in nodes_by_network(user.pk):
            remove_nodes(network=network, nodes=owned, cause=cause, now=now, forced=forced)
    elif nodes is Fate.GIVE and heir is not None:
        check_quota(owner_id=heir.pk, more=Node.objects.filter(owner=user).count())
        for network, owned in nodes_by_network(user.pk):
            give_nodes(network=network, nodes=owned, heir=heir, cause=cause, now=now)


def _leave_groups(
    user: User, cause: Cause, now: datetime, overridden: dict[int, tuple[str, ...]], *, forced: bool
) -> None:
    memberships = GroupMember.objects.filter(user=user)
    network_ids = set(memberships.order_by().values_list("group__network_id", flat=True))
    memberships.delete()
    for network_id in sorted(network_ids):
        activate_policy(
            network=lock_network(network_id),
            cause=cause,
            now=now,
            forced=forced,
            overridden=overridden.get(network_id, ()),
            comment=f"{user.username} is deleted",
            during_trial=True,
        )


def _check_fate(nodes: Fate, allowed: tuple[Fate, ...], user_id: int, heir_id: int | None) -> None:
    if nodes not in allowed:
        words = ", ".join(allowed)
        raise ValidationError(f"One of {words}.", errors=(FieldError("nodes", f"One of {words}."),))
    message = None
    if (nodes is Fate.GIVE) != (heir_id is not None):
        message = "An heir goes with giving the nodes away, and with that alone."
    elif heir_id == user_id:
        message = "An heir is somebody else."
    if message is not None:
        raise ValidationError(message, errors=(FieldError("heir", message),))


def _lock(user_id: int, heir_id: int | None) -> tuple[User, User | None]:
    """The person and the heir, locked at once. Raises NotFoundError, ValidationError for the heir."""
    people = lock_users([user_id] if heir_id is None else [user_id, heir_id])
    if user_id not in people:
        raise NotFoundError(f"There is no user {user_id}.")
    return people[user_id], None if heir_id is None else active(people.get(heir_id), member="heir")
