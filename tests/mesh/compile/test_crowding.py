"""Exactly as many policy classes as there may be, and one more."""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Network, ip_address

import pytest

from mesh.compile import build, compile_policy
from mesh.compile import crowding as crowding_module
from mesh.compile.crowding import classify_within_limit
from mesh.policy import Action, Condition, ConditionKind, NetworkFacts, Policy, PolicyNode, Rule
from mesh.policy import selectors as s
from tests.mesh.policy.strategies import AT

RULES = tuple(
    Rule(
        bit,
        bit,
        Action.ACCEPT,
        (s.MEMBER,),
        (s.MEMBER,),
        conditions=(Condition(ConditionKind.ATTRIBUTE_EQUALS, (1,), f"a{bit}"),),
    )
    for bit in range(3)
)
FACTS = NetworkFacts(
    "test.ghost",
    IPv4Network("10.1.0.0/24"),
    None,
    tuple(
        PolicyNode(
            number,
            f"n{number}",
            7,
            addresses=(ip_address(f"10.1.0.{number}"),),
            posture=tuple((f"a{bit}", 1) for bit in range(3) if number >> bit & 1),
        )
        for number in range(1, 8)
    ),
)
"""Seven nodes of seven classes, none of which is that of a node of which nothing is known."""


@pytest.mark.parametrize(("limit", "unheard"), [(8, 0), (7, 0), (6, 2), (2, 6), (1, 7)])
def test_posture_is_passed_over_only_beyond_the_limit(
    monkeypatch: pytest.MonkeyPatch, limit: int, unheard: int
) -> None:
    monkeypatch.setattr(build, "MAX_CLASSES", limit)
    monkeypatch.setattr(crowding_module, "MAX_CLASSES", limit)
    monkeypatch.setattr(build, "classify_within_limit", partial(classify_within_limit, limit=limit))
    compiled = compile_policy(Policy(RULES), FACTS, AT)
    assert len(compiled.muted) == unheard
    assert len(compiled.classes.keys) <= limit
    assert bool(compiled.warnings) is bool(unheard)
