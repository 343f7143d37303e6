"""People: creating, disabling and enabling them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import transaction
from django.db.models import Q

from mesh.change import Cause, ChangeKind
from mesh.errors import ConflictError, FieldError, NotFoundError, ValidationError
from nodes.changes import lock_network, record_change
from nodes.facts import node_facts
from nodes.models import Network, Node
from nodes.services.routes import elect_primaries, prefixes_of
from sessions_app.models import AuditEntry, User
from sessions_app.services.audit import record_audit
from sessions_app.services.ended_rights import record_ended_right_of
from sessions_app.services.sessions import end_sessions_of_owner
from sessions_app.services.ways_in import end_password_links, end_portal_sessions

LOGIN = re.compile(r"[a-z0-9](?:[a-z0-9._+-]*[a-z0-9])?(?:@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)?")
MAX_LOGIN_LENGTH = 150


@transaction.atomic
def create_user(
    *,
    login: str,
    cause: Cause,
    now: datetime,
    password: str | None = None,
    role: str = User.Role.MEMBER,
    display_name: str = "",
    email: str = "",
) -> User:
    """Creates a person. Without a password nobody can log in as it, but nodes can belong to it.

    Raises ValidationError for a login name, password or role that is refused, ConflictError if the login is taken.
    """
    login = login.strip().lower()
    if len(login) > MAX_LOGIN_LENGTH or not LOGIN.fullmatch(login):
        message = "A login is like ana or ana@example.com: lower-case letters, digits, and . _ + - between them."
        raise ValidationError(message, errors=(FieldError("login", message),))
    if role not in User.Role.values:
        raise ValidationError("There is no such role.", errors=(FieldError("role", f"There is no role {role!r}."),))
    if User.objects.filter(username=login).exists():
        raise ConflictError(f"There is a user {login} already.")
    user = User(username=login, role=role, display_name=display_name, email=email)
    user.is_staff = role != User.Role.MEMBER
    user.is_superuser = role in (User.Role.OWNER, User.Role.ADMIN)
    if password is None:
        user.set_unusable_password()
    else:
        _check_password(password, user)
        user.set_password(password)
    user.save()
    _record(user, cause, now)
    return user


@transaction.atomic
def set_user_active(*, user_id: int, active: bool, cause: Cause, now: datetime) -> User:
    """Disables a person, or enables one again. A disabled user's keys are dead, its nodes have no map and no session.

    Raises NotFoundError; ConflictError for the last active owner, without whom nobody could manage owners.
    """
    user = lock_user(user_id)
    if user.is_active == active:
        return user
    if not active and is_last_owner(user):
        raise ConflictError("The last owner cannot be disabled.")
    user.is_active = active
    user.save(update_fields=["is_active"])
    if not active:
        end_password_links(user_id=user.pk, now=now)
        end_portal_sessions(user_id=user.pk)
    _record(user, cause, now)
    for network in _networks_with_nodes_of(user):
        if not active:
            end_sessions_of_owner(network=network, owner_id=user.pk, cause=cause, now=now)
        # The routes of the person's routers move to standbys, or back into the election.
        node_ids = Node.objects.filter(network=network, owner=user).values_list("pk", flat=True)
        moved = elect_primaries(network=network, prefixes=prefixes_of(node_ids))
        if moved:
            facts = node_facts(network.pk, moved)
            record_change(network=network, kind=ChangeKind.NODES, facts=facts, cause=cause, now=now)
    return user


@transaction.atomic
def update_user(
    *, user_id: int, cause: Cause, now: datetime, role: str | None = None, display_name: str | None = None,
    email: str | None = None, picture_url: str | None = None,
) -> User:  # fmt: skip
    """Changes what is given of a person. Raises NotFoundError, ValidationError, ConflictError for the last owner."""
    user = lock_user(user_id)
    if role is not None and role != user.role:
        if role not in User.Role.values:
            raise ValidationError("There is no such role.", errors=(FieldError("role", f"No role {role!r}."),))
        if is_last_owner(user):
            raise ConflictError("The last owner cannot become something else.")
        user.role = role
        user.is_staff = role != User.Role.MEMBER
        user.is_superuser = role in (User.Role.OWNER, User.Role.ADMIN)
        # Whoever holds a link for the person of before must not become the person of now.
        end_password_links(user_id=user.pk, now=now)
    if display_name is not None:
        user.display_name = display_name
    if email is not None:
        user.email = email
    if picture_url is not None:
        user.picture_url = picture_url
    user.save()
    _record(user, cause, now)
    return user


@transaction.atomic
def set_password(*, user_id: int, password: str, cause: Cause, now: datetime) -> None:
    """Sets a person's password, which ends the person's other logins and links. Raises NotFoundError, ValidationError.

    It is a change of the networks that the person may speak of; what the password is stands nowhere.
    """
    _set_password(lock_user(user_id), password, cause, now)


@transaction.atomic
def choose_password(
    *, user_id: int, password: str, cause: Cause, now: datetime, display_name: str | None = None
) -> User:
    """Sets the password that a person chose by a link, and the name if one is given. Errors as ``set_password``."""
    user = lock_user(user_id)
    _set_password(user, password, cause, now, how="link")
    if display_name is not None and display_name.strip() != user.display_name:
        user.display_name = display_name.strip()
        user.save(update_fields=["display_name"])
        _record(user, cause, now)
    return user


def get_user(user_id: int) -> User:
    """The person with this id. Raises NotFoundError."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise NotFoundError(f"There is no user {user_id}.")
    return user


def is_last_owner(user: User) -> bool:
    """Whether no other active owner would be left without this one."""
    owners = User.objects.filter(role=User.Role.OWNER, is_active=True)
    return user.role == User.Role.OWNER and user.is_active and not owners.exclude(pk=user.pk).exists()


def lock_user(user_id: int) -> User:
    """The person, locked as ``lock_users`` does. Raises NotFoundError."""
    user = lock_users([user_id]).get(user_id)
    if user is None:
        raise NotFoundError(f"There is no user {user_id}.")
    return user


def lock_users(user_ids: Iterable[int]) -> dict[int, User]:
    """People by id, locked; and all owners, so that two of them cannot disable each other at the same moment.

    Whoever locks networks too locks people first. Not FOR UPDATE: a registration that inserts a node of a person waits
    for that while it holds the network's lock.
    """
    concerned = User.objects.select_for_update(no_key=True).filter(Q(pk__in=user_ids) | Q(role=User.Role.OWNER))
    return {user.pk: user for user in concerned.order_by("pk")}


def _networks_with_nodes_of(user: User) -> list[Network]:
    """The networks, already locked by ``_record``, in which a person has nodes."""
    network_ids = Node.objects.filter(owner=user).order_by().values_list("network_id", flat=True).distinct()
    return [lock_network(network_id) for network_id in sorted(network_ids)]


def _set_password(user: User, password: str, cause: Cause, now: datetime, *, how: str = "") -> None:
    _check_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    end_password_links(user_id=user.pk, now=now)
    end_portal_sessions(user_id=user.pk)
    said = {"id": user.pk, "login": user.username} | ({"how": how} if how else {})
    if not record_ended_right_of(user=user, facts={"passwords": [said]}, cause=cause, now=now):
        # Before the first network there is no log of changes.
        record_audit(kind=AuditEntry.Kind.PASSWORD_SET, facts=said, cause=cause, now=now)


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except DjangoValidationError as error:
        errors = tuple(FieldError("password", message) for message in error.messages)
        raise ValidationError("The password is refused.", errors=errors) from error


def record_user_deleted(*, said: dict[str, Any], cause: Cause, now: datetime) -> None:
    """Records in every network that a person is gone, in the caller's transaction. ``said``: id, login, and more."""
    _record_everywhere({"users": [], "deleted": [said]}, cause, now)


def _record(user: User, cause: Cause, now: datetime) -> None:
    facts = {
        "users": [
            {
                "id": user.pk,
                "login": user.username,
                "display_name": user.display_name,
                "picture_url": user.picture_url,
                "is_active": user.is_active,
                "role": user.role,
            }
        ]
    }
    _record_everywhere(facts, cause, now)


def _record_everywhere(facts: dict[str, Any], cause: Cause, now: datetime) -> None:
    """A person is known in every network: each moves on, locked in the order of ids."""
    for network_id in Network.objects.order_by("pk").values_list("pk", flat=True):
        network = lock_network(network_id)
        record_change(network=network, kind=ChangeKind.USERS, facts=facts, cause=cause, now=now)
