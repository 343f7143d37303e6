"""Conditions: predicates over the source node, in three-valued logic so that nothing fails open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from mesh.errors import FieldError, ValidationError
from mesh.policy.facts import PolicyNode, PostureValue
from mesh.policy.limits import MAX_CONDITION_VALUES, MAX_CONDITIONS, MAX_TEXT


class ConditionKind(StrEnum):
    """What a condition looks at, and how."""

    OS_IN = "os_in"
    VERSION_AT_LEAST = "version_at_least"
    ATTRIBUTE_EQUALS = "attribute_equals"
    ATTRIBUTE_IN = "attribute_in"
    ATTRIBUTE_EXISTS = "attribute_exists"


_OS_ALIASES: Final = {"darwin": "macos", "osx": "macos", "win": "windows", "win32": "windows"}
_ATTRIBUTE_KINDS: Final = frozenset(
    {ConditionKind.ATTRIBUTE_EQUALS, ConditionKind.ATTRIBUTE_IN, ConditionKind.ATTRIBUTE_EXISTS}
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One predicate. ``attribute`` names a posture attribute; ``values`` are what it is compared with."""

    kind: ConditionKind
    values: tuple[PostureValue, ...] = ()
    attribute: str = ""


def os_name(text: str) -> str:
    """One spelling for each operating system: lower case, ``darwin`` is ``macos``."""
    name = text.strip().lower()
    return _OS_ALIASES.get(name, name)


def version_key(text: str) -> tuple[int, ...] | None:
    """The numeric parts of a version, for comparing; None where it does not begin with a number.

    A suffix (``-rc1``, ``+build``) is passed over; trailing zeros do not count: 1.2 equals 1.2.0.
    """
    parts: list[int] = []
    for part in text.strip().removeprefix("v").split("."):
        digits = ""
        for character in part:
            if not (character.isascii() and character.isdigit()):
                break
            digits += character
        if not digits or len(digits) > 15:
            break
        parts.append(int(digits))
        if digits != part:
            break
    if not parts:
        return None
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def assess_condition(condition: Condition, subject: PolicyNode) -> bool | None:
    """Whether the condition is true of ``subject``; None where the node has not said.

    A node that has reported its posture and left an attribute out does not have it: *exists* is then false, while its
    *value* stays unknown. ``true`` and 1 are one value, here as wherever posture is compared.
    """
    if condition.kind is ConditionKind.OS_IN:
        return os_name(subject.os) in condition.values if subject.os.strip() else None
    if condition.kind is ConditionKind.VERSION_AT_LEAST:
        have, need = version_key(subject.agent_version), version_key(str(condition.values[0]))
        return None if have is None or need is None else have >= need
    if subject.posture is None:
        return None
    for name, value in subject.posture:
        if name == condition.attribute:
            if condition.kind is ConditionKind.ATTRIBUTE_EXISTS:
                return True
            return value in condition.values
    return False if condition.kind is ConditionKind.ATTRIBUTE_EXISTS else None


def assess_conditions(conditions: tuple[Condition, ...], subject: PolicyNode) -> bool | None:
    """All of them: false when one is false, else None when one is unknown, else true."""
    outcome: bool | None = True
    for condition in conditions:
        verdict = assess_condition(condition, subject)
        if verdict is False:
            return False
        if verdict is None:
            outcome = None
    return outcome


def holds(verdict: bool | None, *, accept: bool) -> bool:
    """Whether conditions with this verdict let a rule match: the unknown fails an accept and holds for a deny."""
    return (not accept) if verdict is None else verdict


def condition_to_json(condition: Condition) -> dict[str, Any]:
    """The stored form: ``{"os": [...]}``, ``{"agent_version": "1.2"}`` or ``{"attribute": NAME, "equals": VALUE}``."""
    match condition.kind:
        case ConditionKind.OS_IN:
            return {"os": list(condition.values)}
        case ConditionKind.VERSION_AT_LEAST:
            return {"agent_version": condition.values[0]}
        case ConditionKind.ATTRIBUTE_EQUALS:
            return {"attribute": condition.attribute, "equals": condition.values[0]}
        case ConditionKind.ATTRIBUTE_IN:
            return {"attribute": condition.attribute, "in": list(condition.values)}
        case _:
            return {"attribute": condition.attribute, "exists": True}


def condition_from_json(value: object) -> Condition:
    """Read the stored form. Raises ValidationError in words for the person who wrote it."""
    if not isinstance(value, dict) or not value:
        raise ValidationError("a condition is an object: os, agent_version or attribute")
    members = set(value)
    if members == {"os"}:
        names = [os_name(_text(item)) for item in _list(value["os"])]
        return Condition(ConditionKind.OS_IN, tuple(dict.fromkeys(names)))
    if members == {"agent_version"}:
        version = _text(value["agent_version"])
        if version_key(version) is None:
            raise ValidationError(f"“{version}” is not a version")
        return Condition(ConditionKind.VERSION_AT_LEAST, (version,))
    if "attribute" in members and len(members) == 2:
        attribute = _text(value["attribute"])
        if "equals" in members:
            return Condition(ConditionKind.ATTRIBUTE_EQUALS, (_scalar(value["equals"]),), attribute)
        if "in" in members:
            wanted = tuple(_scalar(item) for item in _list(value["in"]))
            return Condition(ConditionKind.ATTRIBUTE_IN, wanted, attribute)
        if value.get("exists") is True:
            return Condition(ConditionKind.ATTRIBUTE_EXISTS, (), attribute)
    raise ValidationError("a condition is {os}, {agent_version} or {attribute} with one of equals, in, exists: true")


def conditions_from_json(values: object) -> tuple[Condition, ...]:
    """Read a list of stored conditions. Raises ValidationError naming the position: ``conditions.0``."""
    if not isinstance(values, list):
        raise ValidationError("conditions are a list")
    if len(values) > MAX_CONDITIONS:
        raise ValidationError(f"at most {MAX_CONDITIONS} conditions in a rule")
    found: list[Condition] = []
    errors: list[FieldError] = []
    for position, value in enumerate(values):
        try:
            found.append(condition_from_json(value))
        except ValidationError as error:
            errors.append(FieldError(f"conditions.{position}", error.detail))
    if errors:
        raise ValidationError(errors[0].message, errors=tuple(errors))
    return tuple(found)


def canonical_conditions(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """The same conditions in one order without doubles, so that equal sets compare equal."""
    return tuple(sorted(set(conditions), key=lambda item: (item.kind, item.attribute, repr(item.values))))


def describe_condition(condition: Condition) -> str:
    """The condition in words: ``os is linux or macos``."""
    values = " or ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in condition.values)
    match condition.kind:
        case ConditionKind.OS_IN:
            return f"os is {values}"
        case ConditionKind.VERSION_AT_LEAST:
            return f"agent version is at least {values}"
        case ConditionKind.ATTRIBUTE_EXISTS:
            return f"{condition.attribute} is reported"
        case _:
            return f"{condition.attribute} is {values}"


def needs_attribute(condition: Condition) -> bool:
    """Whether it looks at posture beyond what every agent reports."""
    return condition.kind in _ATTRIBUTE_KINDS


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT:
        raise ValidationError("a text is needed here")
    return value.strip()


def _scalar(value: object) -> PostureValue:
    if isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= MAX_TEXT):
        return value
    raise ValidationError("a text, a number, true or false is needed here")


def _list(value: object) -> list[object]:
    if not isinstance(value, list) or not value or len(value) > MAX_CONDITION_VALUES:
        raise ValidationError(f"a list of 1 to {MAX_CONDITION_VALUES} values is needed here")
    return value


__all__ = [
    "Condition",
    "ConditionKind",
    "assess_condition",
    "assess_conditions",
    "canonical_conditions",
    "condition_from_json",
    "condition_to_json",
    "conditions_from_json",
    "describe_condition",
    "holds",
    "needs_attribute",
    "os_name",
    "version_key",
]
