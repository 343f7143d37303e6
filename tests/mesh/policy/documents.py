"""Documents of a network whose names are known."""

from __future__ import annotations

from typing import Any

import pytest

from mesh.hujson import format_value
from mesh.policy import (
    Names,
    Rule,
)
from mesh.policy.document import PolicyDocument, PolicyDocumentError, read_policy

NAMES = Names(
    {"ana@example.com": 1, "bob@example.com": 2, "root": 3},
    {f"n{n}": n for n in range(1, 6)},
    tags=frozenset({"tag:used"}),
)
HEAD = '"groups": {"group:ops": ["ana@example.com"]}, "hosts": {"db1": "10.0.0.5"}, "tagOwners": {"tag:db": []},'


def read(body: str, names: Names = NAMES) -> PolicyDocument:
    return read_policy("{" + body + "}", names)


def rules(body: str) -> tuple[Rule, ...]:
    return read(f"{HEAD} {body}").policy.rules


def acl(**members: Any) -> tuple[Rule, ...]:
    entry = {"action": "accept", "src": ["*"], "dst": ["*:*"]} | members
    return rules(f'"acls": [{format_value(entry)}]')


def problems(text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(PolicyDocumentError) as caught:
        read_policy(text, NAMES)
    return [(item.line, item.column, item.path) for item in caught.value.problems]
