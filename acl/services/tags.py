"""Tags that policies may name, and who may give them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from acl.models import TagOwner
from acl.selectors import known_names
from acl.services.policy import activate_policy, check_no_denial_names, check_version
from mesh.change import Cause
from mesh.errors import ConflictError, FieldError, NotFoundError, ValidationError
from mesh.policy import Selector, SelectorKind, format_stored, parse_selectors
from mesh.tags import validate_tag
from nodes.changes import lock_network

OWNER_KINDS = frozenset({SelectorKind.USER, SelectorKind.GROUP, SelectorKind.TAG, SelectorKind.MEMBER})


@transaction.atomic
def save_tag(
    *,
    network_id: int,
    tag: str,
    owners: Sequence[str],
    cause: Cause,
    now: datetime,
    comment: str = "",
    tag_owner_id: int | None = None,
    forced: bool = False,
    expected_version: int | None = None,
) -> TagOwner:
    """Declares a tag, or with ``tag_owner_id`` changes who owns it. ``owners`` as people write selectors.

    Without owners only those who manage nodes may give it. Raises ValidationError, ConflictError, NotFoundError.
    """
    network = lock_network(network_id)
    check_version(network=network, expected=expected_version)
    row = TagOwner(network=network)
    if tag_owner_id is not None:
        found = TagOwner.objects.filter(network=network, pk=tag_owner_id).first()
        if found is None:
            raise NotFoundError(f"There is no tag {tag_owner_id}.")
        row = found
    try:
        tag = validate_tag(tag if tag.startswith("tag:") else f"tag:{tag}")
    except ValidationError as error:
        raise ValidationError("The tag is refused.", errors=(FieldError("tag", error.detail),)) from error
    if tag_owner_id is not None and row.tag != tag:
        raise ConflictError("A tag keeps its name: rules refer to it.")
    if TagOwner.objects.filter(network=network, tag=tag).exclude(pk=tag_owner_id or 0).exists():
        raise ConflictError(f"There is a tag {tag} already.")
    parsed = parse_selectors(owners, known_names(network.pk), field_name="owners") if owners else ()
    errors = tuple(
        FieldError(f"owners.{index}", "Owners are users, groups, tags or autogroup:member.")
        for index, owner in enumerate(parsed)
        if owner.kind not in OWNER_KINDS
    )
    if errors:
        raise ValidationError("The tag is refused.", errors=errors)
    row.tag, row.owners, row.comment = tag, [format_stored(owner) for owner in parsed], comment
    row.save()
    activate_policy(network=network, cause=cause, now=now, forced=forced)
    return row


@transaction.atomic
def delete_tag(
    *, tag_owner_id: int, cause: Cause, now: datetime, forced: bool = False, expected_version: int | None = None
) -> None:
    """Withdraws a tag; nodes keep it. Raises NotFoundError, ConflictError if an enabled deny rule names it, unless
    ``forced``, or for what ``activate_policy`` says."""
    row = TagOwner.objects.filter(pk=tag_owner_id).first()
    if row is None:
        raise NotFoundError(f"There is no tag {tag_owner_id}.")
    network = lock_network(row.network_id)
    check_version(network=network, expected=expected_version)
    overridden = check_no_denial_names(
        network=network, selector=Selector(SelectorKind.TAG, name=row.tag), what=row.tag, forced=forced
    )
    row.delete()
    activate_policy(network=network, cause=cause, now=now, forced=forced, overridden=overridden)
