"""``postures``: named lists of assertions about a source node, read as conditions.

A rule with several postures (``srcPosture``) wants one of them; GhostWire writes that as one rule each.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from mesh.errors import ValidationError
from mesh.policy.conditions import Condition, ConditionKind, condition_from_json
from mesh.policy.document.reading import At

Postures = Mapping[str, tuple[Condition, ...]]
_VERSIONS: Final = frozenset({"node:agentVersion", "node:tsVersion"})


def read_postures(at: At) -> dict[str, tuple[Condition, ...]]:
    """The conditions of each posture by its whole name (``posture:linux``)."""
    found: dict[str, tuple[Condition, ...]] = {}
    for key, value, offset in at.entries():
        if not key.startswith("posture:") or len(key) == len("posture:"):
            at.faults.add(offset, value.path, f"“{key}”: postures are named posture:NAME")
        conditions = [
            condition for item, text in value.texts() if (condition := item.attempt(parse_assertion, text)) is not None
        ]
        if not conditions and isinstance(value.value.value, list) and not value.value.value:
            value.fault("a posture asserts something")
        found[key] = tuple(conditions)
    return found


def read_source_posture(at: At, postures: Postures) -> list[tuple[Condition, ...]]:
    """The conditions of each posture that ``srcPosture`` names."""
    found = []
    for item, name in at.texts():
        if name in postures:
            found.append(postures[name])
        else:
            item.fault(f"there is no posture “{name}”")
    return found


def parse_assertion(text: str) -> Condition:
    """Read one assertion: ``node:os IN ['linux', 'macos']``, ``node:agentVersion >= '1.2'``, ``custom:disk == true``,
    ``custom:tier IS SET``. Raises ValidationError for what conditions cannot say."""
    name, _, rest = text.strip().partition(" ")
    rest = rest.strip()
    if rest.upper() == "IS SET":
        operator, values = "exists", list[object]()
    else:
        operator, values = _operator(text, rest)
    if name == "node:os" and operator in ("==", "in"):
        return condition_from_json({"os": values})
    if name in _VERSIONS and operator == ">=":
        return condition_from_json({"agent_version": values[0]})
    if name.startswith("custom:") and operator in ("==", "in", "exists"):
        attribute = name.removeprefix("custom:")
        if operator == "exists":
            return Condition(ConditionKind.ATTRIBUTE_EXISTS, (), attribute)
        return condition_from_json(
            {"attribute": attribute} | ({"in": values} if operator == "in" else {"equals": values[0]})
        )
    raise ValidationError(
        f"“{text}” is not supported: use node:os == or IN, node:agentVersion >=, custom:NAME == or IN or IS SET"
    )


def _operator(text: str, rest: str) -> tuple[str, list[object]]:
    for sign in ("==", ">="):
        if rest.startswith(sign):
            return sign, [_literal(text, rest[2:])]
    if rest[:2].upper() == "IN":
        listed = rest[2:].strip()
        if listed.startswith("[") and listed.endswith("]"):
            return "in", [_literal(text, item) for item in listed[1:-1].split(",") if item.strip()]
    raise ValidationError(f"“{text}” is not supported: assertions compare with ==, >=, IN [...] or IS SET")


def _literal(text: str, written: str) -> object:
    written = written.strip()
    if len(written) >= 2 and written[0] == written[-1] and written[0] in "'\"":
        return written[1:-1]
    try:
        value = json.loads(written)
    except ValueError:
        raise ValidationError(f"“{text}”: “{written}” is not a text in quotes, a number, true or false") from None
    if not isinstance(value, bool | int | float):
        raise ValidationError(f"“{text}”: “{written}” is not a text in quotes, a number, true or false")
    return value
