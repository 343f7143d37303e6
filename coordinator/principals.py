"""Whom a machine stands for, and who may give it tags."""

from __future__ import annotations

from collections.abc import Sequence

from acl.selectors import owns_tag
from mesh.errors import FieldError, PermissionDeniedError, ValidationError
from mesh.tags import validate_tag
from nodes.models import Node
from sessions_app.models import AuthKey, User
from sessions_app.roles import allows, allows_own


def grant_tags(auth_key: AuthKey, asked: Sequence[str]) -> list[str]:
    """The tags a newcomer gets: those of the key, or those asked for where the key carries them or its owner owns them.

    Raises ValidationError for what is no tag, PermissionDeniedError for one that may not be given.
    """
    wanted = read_tags(asked) or sorted(set(auth_key.tags))
    refused = [tag for tag in wanted if not may_give(auth_key, tag)]
    if refused:
        raise PermissionDeniedError(f"This key may not give {', '.join(refused)}.")
    return wanted


def read_tags(asked: Sequence[str]) -> list[str]:
    """Tags in normal form, sorted, each once. Raises ValidationError naming each that is none."""
    normal, errors = [], []
    for index, tag in enumerate(asked):
        try:
            normal.append(validate_tag(tag))
        except ValidationError as error:
            errors.append(FieldError(f"tags.{index}", error.detail))
    if errors:
        raise ValidationError("A tag is refused.", errors=tuple(errors))
    return sorted(set(normal))


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
    return user is not None and may_tag(user, network_id=auth_key.network_id, tag=tag)


def may_tag(user: User, *, network_id: int, tag: str) -> bool:
    """Whether a person may give machines of a network ``tag``: as its owner there, or as one who manages all nodes."""
    if not user.is_active:
        return False
    if allows(user, "nodes.manage"):
        return True
    return allows_own(user) and owns_tag(network_id=network_id, user_id=user.pk, tag=tag)
