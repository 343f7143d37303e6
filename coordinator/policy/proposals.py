"""Policies that are not there yet: the one in force with some rules edited, for a look before anything is saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from acl.models import AclRule
from acl.selectors import known_names, load_policy, rule_value
from acl.services.rule_fields import write_fields
from acl.states import with_ended_off
from mesh.errors import FieldError, NotFoundError, ValidationError
from mesh.policy import Names, Policy, renumber, validate_policy
from nodes.models import Network


class Verb(StrEnum):
    """What is done to a rule."""

    CREATE = "create"
    UPDATE = "update"
    MOVE = "move"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class RuleEdit:
    """One edit. ``rule_id`` names a rule that is there, ``fields`` are those of ``acl.services.rules``; ``position`` is
    where it shall stand (1 = first), where it is created or moved."""

    verb: Verb
    rule_id: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    position: int | None = None


def propose(*, network: Network, edits: Sequence[RuleEdit], now: datetime) -> Policy:
    """The policy in force after ``edits``, one after the other; writes nothing.

    Raises ValidationError naming every member at fault (``edits.0.sources.1``), NotFoundError.
    """
    rows = list(AclRule.objects.filter(network=network).order_by("position"))
    names = known_names(network.pk) if any(_binds(edit) for edit in edits) else None
    errors: list[FieldError] = []
    for index, edit in enumerate(edits):
        try:
            _apply(network, rows, edit, now, names)
        except ValidationError as error:
            found = error.errors or (FieldError("", error.detail),)
            errors += [FieldError(f"edits.{index}.{item.field}".rstrip("."), item.message) for item in found]
    if errors:
        raise ValidationError(errors[0].message, errors=tuple(errors))
    rules = renumber(rule_value(row) for row in rows)
    return validate_policy(with_ended_off(replace(load_policy(network.pk), rules=rules), now))


def _binds(edit: RuleEdit) -> bool:
    return not {"sources", "destinations"}.isdisjoint(edit.fields)


def _apply(network: Network, rows: list[AclRule], edit: RuleEdit, now: datetime, names: Names | None) -> None:
    if edit.verb is Verb.CREATE:
        row = AclRule(network=network, position=len(rows) + 1)
        write_fields(network=network, rule=row, fields=edit.fields, now=now, names=names)
        rows.insert(_index(edit.position, len(rows)), row)
        return
    row = next((item for item in rows if item.pk == edit.rule_id), None)  # type: ignore[assignment]
    if row is None:
        raise NotFoundError(f"There is no rule {edit.rule_id}.")
    match edit.verb:
        case Verb.UPDATE:
            write_fields(network=network, rule=row, fields=edit.fields, now=now, names=names)
        case Verb.DELETE:
            rows.remove(row)
        case _:
            rows.remove(row)
            rows.insert(_index(edit.position, len(rows)), row)


def _index(position: int | None, count: int) -> int:
    return count if position is None else min(max(position, 1), count + 1) - 1
