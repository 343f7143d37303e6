"""Stored tests of a policy: flows that must be accepted, and flows that must be denied."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from django.db import transaction
from django.db.models import F, Max

from acl.models import PolicyTest
from acl.selectors import known_names
from acl.services.policy import activate_policy, check_version
from acl.stored import target_facts
from mesh.change import Cause
from mesh.errors import FieldError, NotFoundError, ValidationError
from mesh.policy import Names, Target, parse_protocol, parse_selector
from mesh.policy.document.destinations import parse_destination
from mesh.policy.limits import MAX_TESTS
from mesh.policy.selectors import SelectorKind
from mesh.policy.services import PORT_PROTOCOLS
from nodes.changes import lock_network
from nodes.models import Network

T = TypeVar("T")
FIELDS: Final = ("source", "accept", "deny", "protocol", "posture")
_NO_END: Final = frozenset({SelectorKind.ANY, SelectorKind.SELF})
_ASIDE: Final = 1_000_000


@transaction.atomic
def create_test(
    *,
    network_id: int,
    fields: Mapping[str, Any],
    cause: Cause,
    now: datetime,
    forced: bool = False,
    expected_version: int | None = None,
) -> PolicyTest:
    """Adds a test after the others.

    ``fields``: source as people write selectors, accept and deny as lists of destinations with ports (``tag:db:5432``),
    protocol (a name or number; None: TCP and UDP), posture (what the source node reports, flat). A test that fails at
    once is an objection like any other. Raises ValidationError with the member at fault (``accept.1``), ConflictError.
    """
    network = lock_network(network_id)
    check_version(network=network, expected=expected_version)
    tests = PolicyTest.objects.filter(network=network)
    if tests.count() >= MAX_TESTS:
        raise ValidationError(f"At most {MAX_TESTS} tests.", errors=(FieldError("tests", f"At most {MAX_TESTS}."),))
    last = tests.aggregate(last=Max("position"))["last"] or 0
    row = PolicyTest(network=network, position=last + 1)
    _write(network, row, fields)
    row.save(force_insert=True)
    activate_policy(network=network, cause=cause, now=now, forced=forced)
    return row


@transaction.atomic
def update_test(
    *,
    test_id: int,
    fields: Mapping[str, Any],
    cause: Cause,
    now: datetime,
    forced: bool = False,
    expected_version: int | None = None,
) -> PolicyTest:
    """Changes what ``fields`` gives of a test. Raises NotFoundError, ValidationError, ConflictError."""
    network, row = _lock(test_id)
    check_version(network=network, expected=expected_version)
    _write(network, row, fields)
    row.save()
    activate_policy(network=network, cause=cause, now=now, forced=forced)
    return row


@transaction.atomic
def delete_test(
    *, test_id: int, cause: Cause, now: datetime, forced: bool = False, expected_version: int | None = None
) -> None:
    """Removes a test. Raises NotFoundError, ConflictError."""
    network, row = _lock(test_id)
    check_version(network=network, expected=expected_version)
    behind = PolicyTest.objects.filter(network=network, position__gt=row.position)
    row.delete()
    # In two steps: the unique constraint holds between any two rows.
    moved = list(behind.values_list("pk", flat=True))
    PolicyTest.objects.filter(pk__in=moved).update(position=F("position") + _ASIDE)
    PolicyTest.objects.filter(pk__in=moved).update(position=F("position") - _ASIDE - 1)
    activate_policy(network=network, cause=cause, now=now, forced=forced)


def _lock(test_id: int) -> tuple[Network, PolicyTest]:
    network_id = PolicyTest.objects.filter(pk=test_id).values_list("network_id", flat=True).first()
    if network_id is None:
        raise NotFoundError(f"There is no test {test_id}.")
    network = lock_network(network_id)
    row = PolicyTest.objects.filter(pk=test_id).first()
    if row is None:
        raise NotFoundError(f"There is no test {test_id}.")
    return network, row


def _write(network: Network, row: PolicyTest, fields: Mapping[str, Any]) -> None:
    errors = [FieldError(name, "No such member.") for name in fields if name not in FIELDS]
    names = known_names(network.pk)
    if "protocol" in fields:
        written = fields["protocol"]
        row.protocol = None if written is None else _attempt(errors, "protocol", lambda: parse_protocol(written))
    if "source" in fields:
        source = _attempt(errors, "source", lambda: _source(fields["source"], names))
        row.source = "" if source is None else str(source)
    elif not row.source:
        errors.append(FieldError("source", "A test needs a source."))
    for side in ("accept", "deny"):
        if side in fields:
            setattr(row, side, _targets(errors, side, fields[side], names))
    if "posture" in fields:
        row.posture = dict(fields["posture"])
    if not errors and not row.accept and not row.deny:
        errors.append(FieldError("accept", "A test says what is accepted or denied."))
    errors.extend(_unported(row))
    if errors:
        raise ValidationError(errors[0].message, errors=tuple(errors))


def _attempt(errors: list[FieldError], field: str, read: Callable[[], T]) -> T | None:
    try:
        return read()
    except ValidationError as error:
        errors.append(FieldError(field, error.detail))
        return None


def _source(text: str, names: Names) -> Any:
    selector = parse_selector(text, names)
    if selector.kind in _NO_END or selector.kind is SelectorKind.INTERNET:
        raise ValidationError("a test needs a source of its own: a user, group, tag, node, host or address")
    return selector


def _targets(errors: list[FieldError], side: str, texts: Sequence[str], names: Names) -> list[dict[str, Any]]:
    found: dict[Target, None] = {}
    for index, text in enumerate(texts):
        field = f"{side}.{index}"
        parsed = _attempt(errors, field, lambda text=text: parse_destination(text, names))  # type: ignore[misc]
        if parsed is None:
            continue
        if parsed[0].kind in _NO_END:
            errors.append(FieldError(field, "a test needs a destination of its own"))
        found[Target(*parsed)] = None
    return [target_facts(target) for target in found]


def _unported(row: PolicyTest) -> list[FieldError]:
    """Targets without a port, where the protocol has ports: a test of any port at all would say nothing."""
    if row.protocol is not None and row.protocol not in PORT_PROTOCOLS:
        return []
    return [
        FieldError(f"{side}.{index}", "a test names a port")
        for side in ("accept", "deny")
        for index, target in enumerate(getattr(row, side))
        if not target["ports"]
    ]
