"""The acts that jobs carry out: who may, how many nodes a change takes, and what becomes of each node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from coordinator.jobs.rows import NodeRow
from coordinator.rotation import REQUESTS_A_SECOND
from mesh.errors import FieldError, ValidationError
from mesh.tags import validate_tag
from nodes.models import Node

MOST_NODES: Final = 100_000
"""Nodes of one job: its only change takes the network's lock for some seconds then."""
MOST_TAGS: Final = 64
TAG_MODES: Final = ("add", "remove", "set")


@dataclass(slots=True)
class Plan:
    """What an act makes of nodes: ``sets`` for those that change, ``removed`` for those that go, ``left`` with why for
    those that cannot be changed. Whoever stands in none of them is so already."""

    sets: dict[int, dict[str, Any]] = field(default_factory=dict)
    removed: list[int] = field(default_factory=list)
    left: list[tuple[int, str, str]] = field(default_factory=list)

    def leave(self, row: NodeRow, why: str) -> None:
        """Notes that a node stays as it is, and why."""
        self.left.append((row.id, row.name, why))


Decide = Callable[[Sequence[NodeRow], Mapping[str, Any], datetime], Plan]


@dataclass(frozen=True, slots=True)
class Act:
    """``decide`` is pure. ``chunk``: how many nodes one transaction takes. ``cuts``: whether nodes lose their peers by
    it; ``undoable``: whether what they were before can be given back."""

    name: str
    label: str
    done: str
    right: str
    decide: Decide
    chunk: int = MOST_NODES
    cuts: bool = False
    destroys: bool = False
    undoable: bool = True
    may_force: bool = False


def _approve(rows: Sequence[NodeRow], arguments: Mapping[str, Any], now: datetime) -> Plan:
    plan = Plan()
    for row in rows:
        if row.state == Node.State.PENDING:
            plan.sets[row.id] = {"state": _alive(row, now)}
    return plan


def _disable(rows: Sequence[NodeRow], arguments: Mapping[str, Any], now: datetime) -> Plan:
    plan = Plan()
    for row in rows:
        if row.state != Node.State.DISABLED:
            plan.sets[row.id] = {"state": Node.State.DISABLED.value, "online": False}
    return plan


def _enable(rows: Sequence[NodeRow], arguments: Mapping[str, Any], now: datetime) -> Plan:
    plan = Plan()
    for row in rows:
        if row.state == Node.State.DISABLED:
            plan.sets[row.id] = {"state": _alive(row, now)}
    return plan


def _expire(rows: Sequence[NodeRow], arguments: Mapping[str, Any], now: datetime) -> Plan:
    """A login must not replace an approval, nor undo that somebody disabled a node."""
    plan = Plan()
    for row in rows:
        if row.state in (Node.State.DISABLED, Node.State.PENDING):
            plan.leave(row, f"is {Node.State(row.state).label.lower()}")
        elif row.state != Node.State.EXPIRED:
            plan.sets[row.id] = {"state": Node.State.EXPIRED.value, "online": False, "key_expires_at": now}
    return plan


def _rotate(rows: Sequence[NodeRow], arguments: Mapping[str, Any], now: datetime) -> Plan:
    """Each new key is news for all peers of its node, so they are told one after the other."""
    plan = Plan()
    for row in rows:
        if row.state != Node.State.ACTIVE:
            plan.leave(row, f"is {Node.State(row.state).label.lower()}")
        elif row.rotate_requested_at is None:
            at = now + timedelta(seconds=len(plan.sets) // REQUESTS_A_SECOND)
            plan.sets[row.id] = {"rotate_requested_at": at}
    return plan


def _tags(rows: Sequence[NodeRow], arguments: Mapping[str, Any], now: datetime) -> Plan:
    """One that had an owner belongs to its tags from then on, and must register again: it is another principal."""
    plan = Plan()
    mode, given = arguments["mode"], set(arguments["tags"])
    for row in rows:
        had = set(row.tags)
        wanted = given if mode == "set" else had | given if mode == "add" else had - given
        if wanted == had:
            continue
        if not wanted:
            plan.leave(row, "would have no tag, and belong to nobody")
        elif len(wanted) > MOST_TAGS:
            plan.leave(row, f"would have more than {MOST_TAGS} tags")
        else:
            new: dict[str, Any] = {"tags": sorted(wanted)}
            if not had:
                new |= {"user": None, "key_expires_at": None, "login_required": True, "online": False}
            plan.sets[row.id] = new
    return plan


def _delete(rows: Sequence[NodeRow], arguments: Mapping[str, Any], now: datetime) -> Plan:
    return Plan(removed=[row.id for row in rows])


def _alive(row: NodeRow, now: datetime) -> str:
    expired = row.key_expires_at is not None and row.key_expires_at <= now
    return (Node.State.EXPIRED if expired else Node.State.ACTIVE).value


ACTS: Final[dict[str, Act]] = {
    act.name: act
    for act in (
        Act("approve", "Approve", "approved", "nodes.approve", _approve),
        Act("tags", "Tag", "tagged", "nodes.manage", _tags),
        Act("rotate", "Rotate key", "told to make new keys", "nodes.manage", _rotate, undoable=False),
        Act("enable", "Enable", "enabled", "nodes.manage", _enable),
        Act("expire", "Expire key", "expired", "nodes.expire", _expire, cuts=True, destroys=True),
        Act("disable", "Disable", "disabled", "nodes.manage", _disable, cuts=True, destroys=True),
        Act(
            "delete",
            "Delete",
            "deleted",
            "nodes.manage",
            _delete,
            chunk=500,
            cuts=True,
            destroys=True,
            undoable=False,
            may_force=True,
        ),
    )
}
UNDO: Final = "undo"
"""The act of a job that undoes another; it is none that a person may ask for by itself."""


def act_named(name: str) -> Act:
    """Raises ValidationError for a name that is none of ``ACTS``."""
    found = ACTS.get(name)
    if found is None:
        raise ValidationError("There is no such act.", errors=(FieldError("act", f"One of {', '.join(ACTS)}."),))
    return found


def check_arguments(act: Act, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments in normal form: ``mode`` and ``tags`` for tags, ``forced`` where an objection may be overridden.

    Raises ValidationError.
    """
    found: dict[str, Any] = {}
    if act.may_force and arguments.get("forced"):
        found["forced"] = True
    if act.name == "tags":
        found |= _checked_tags(arguments)
    return found


def _checked_tags(arguments: Mapping[str, Any]) -> dict[str, Any]:
    errors: list[FieldError] = []
    mode = arguments.get("mode") or "add"
    if mode not in TAG_MODES:
        errors.append(FieldError("mode", f"One of {', '.join(TAG_MODES)}."))
    tags: dict[str, None] = {}
    for index, tag in enumerate(arguments.get("tags") or ()):
        try:
            tags[validate_tag(tag)] = None
        except ValidationError as error:
            errors.append(FieldError(f"tags.{index}", error.detail))
    if len(tags) > MOST_TAGS:
        errors.append(FieldError("tags", f"At most {MOST_TAGS} tags."))
    if not tags and not errors:
        errors.append(FieldError("tags", "Name at least one tag."))
    if errors:
        raise ValidationError("The tags are refused.", errors=tuple(errors))
    return {"mode": mode, "tags": sorted(tags)}


def plan_undo(
    rows: Sequence[NodeRow], before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]], owners: set[int]
) -> Plan:
    """What gives nodes back what they were before a job. ``before`` and ``after`` as the job noted them; ``owners``:
    the people that there still are. Who was changed since is left as it is."""
    plan = Plan()
    was = {pk: patch["set"] for patch in before for pk in patch["ids"]}
    made = {pk: patch["set"] for patch in after for pk in patch["ids"]}
    for row in rows:
        old, new = was.get(row.id), made.get(row.id)
        if old is None or new is None:
            continue
        changed = [name for name, value in new.items() if name != "online" and _stored(getattr(row, name)) != value]
        if changed:
            plan.leave(row, f"was changed since ({', '.join(_WORDS[name] for name in changed)})")
        elif old.get("user") is not None and old["user"] not in owners:
            plan.leave(row, "its owner is gone")
        else:
            plan.sets[row.id] = {name: _loaded(name, value) for name, value in old.items() if name != "online"}
    return plan


_WORDS: Final = {
    "state": "state",
    "user": "owner",
    "tags": "tags",
    "login_required": "registration",
    "key_expires_at": "key expiry",
    "rotate_requested_at": "key rotation",
}


def _stored(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return list(value) if isinstance(value, tuple) else value


def _loaded(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if name.endswith("_at") and value is not None else value


def sets_before(rows: Mapping[int, NodeRow], sets: Mapping[int, Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
    """What nodes have at present of all that an act gives them anew."""
    return {pk: {name: getattr(rows[pk], name) for name in new} for pk, new in sets.items()}
