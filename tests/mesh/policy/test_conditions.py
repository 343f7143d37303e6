"""Conditions over the source node."""

from __future__ import annotations

from typing import Any

import pytest

from mesh.errors import ValidationError
from mesh.policy import Condition, PolicyNode, condition_from_json, condition_to_json, conditions_from_json, posture_of
from mesh.policy.conditions import (
    assess_condition,
    assess_conditions,
    canonical_conditions,
    describe_condition,
    holds,
    version_key,
)

NODE = PolicyNode(
    1, "n", 7, os="Darwin", agent_version="1.5.2", posture=posture_of({"disk": True, "tier": "gold", "n": 3})
)
SILENT = PolicyNode(2, "s", 7)
PLAIN = PolicyNode(3, "p", 7, posture=posture_of({}))


def condition(**members: Any) -> Condition:
    return condition_from_json({key.removesuffix("_"): value for key, value in members.items()})


@pytest.mark.parametrize(
    ("wanted", "verdict"),
    [
        (condition(os=["linux", "macos"]), True),
        (condition(os=["DARWIN"]), True),
        (condition(os=["linux"]), False),
        (condition(agent_version="1.5"), True),
        (condition(agent_version="1.5.2"), True),
        (condition(agent_version="1.5.3"), False),
        (condition(agent_version="1.10"), False),
        (condition(attribute="disk", equals=True), True),
        (condition(attribute="disk", equals=False), False),
        (condition(attribute="tier", in_=["silver", "gold"]), True),
        (condition(attribute="tier", in_=["silver"]), False),
        (condition(attribute="tier", exists=True), True),
        (condition(attribute="other", exists=True), False),
        (condition(attribute="other", equals=1), None),
    ],
)
def test_a_condition_is_true_false_or_unknown(wanted: Condition, verdict: bool | None) -> None:
    assert assess_condition(wanted, NODE) is verdict


@pytest.mark.parametrize(
    "wanted",
    [
        condition(os=["linux"]),
        condition(agent_version="1"),
        condition(attribute="disk", equals=True),
        condition(attribute="disk", exists=True),
    ],
)
def test_of_a_node_that_said_nothing_nothing_is_known(wanted: Condition) -> None:
    assert assess_condition(wanted, SILENT) is None


def test_a_node_that_left_an_attribute_out_does_not_have_it() -> None:
    assert assess_condition(condition(attribute="disk", exists=True), PLAIN) is False
    assert assess_condition(condition(attribute="disk", equals=True), PLAIN) is None


def test_all_conditions_must_be_true() -> None:
    true, false = condition(os=["macos"]), condition(os=["linux"])
    unknown = condition(attribute="other", equals=1)
    assert assess_conditions((), NODE) is True
    assert assess_conditions((true, true), NODE) is True
    assert assess_conditions((true, unknown), NODE) is None
    assert assess_conditions((unknown, false), NODE) is False
    assert assess_conditions((false, unknown), NODE) is False


def test_the_unknown_fails_an_accept_and_holds_for_a_deny() -> None:
    assert [holds(verdict, accept=True) for verdict in (True, False, None)] == [True, False, False]
    assert [holds(verdict, accept=False) for verdict in (True, False, None)] == [True, False, True]


@pytest.mark.parametrize(
    ("one", "other"),
    [("1.2", "1.2.0"), ("v1.2", "1.2"), ("1.2-rc1", "1.2"), ("1.2+build7", "1.2"), ("1.2.x", "1.2"), ("1.2rc3", "1.2")],
)
def test_versions_that_are_alike(one: str, other: str) -> None:
    assert version_key(one) == version_key(other)


def test_versions_are_compared_by_number() -> None:
    keys = [version_key(text) for text in ("0.9", "1", "1.0.1", "1.2", "1.10", "2")]
    assert keys == sorted(keys, key=lambda key: key or ())
    assert len(set(keys)) == 6


@pytest.mark.parametrize("text", ["", "main", "v", "-1", "٣", ".5", "1" * 16])
def test_what_is_no_version_is_unknown(text: str) -> None:
    assert version_key(text) is None


@pytest.mark.parametrize(
    "stored",
    [
        {"os": ["linux", "macos"]},
        {"agent_version": "1.2"},
        {"attribute": "disk", "equals": True},
        {"attribute": "disk", "in": [1, "a"]},
        {"attribute": "disk", "exists": True},
    ],
)
def test_the_stored_form_reads_back(stored: dict[str, Any]) -> None:
    found = condition_from_json(stored)
    assert condition_to_json(found) == stored
    assert describe_condition(found)


@pytest.mark.parametrize(
    "stored",
    [
        None,
        {},
        [],
        {"os": []},
        {"os": "linux"},
        {"os": [1]},
        {"os": ["linux"], "agent_version": "1"},
        {"agent_version": "main"},
        {"agent_version": 1},
        {"attribute": "disk"},
        {"attribute": "", "exists": True},
        {"attribute": "disk", "exists": False},
        {"attribute": "disk", "equals": None},
        {"attribute": "disk", "equals": [1]},
        {"attribute": "disk", "in": []},
        {"attribute": "disk", "in": list(range(257))},
        {"attribute": "disk", "equals": 1, "exists": True},
        {"attribute": "disk", "equals": "x" * 1_025},
        {"color": "red"},
    ],
)
def test_what_is_no_condition_is_refused(stored: object) -> None:
    with pytest.raises(ValidationError):
        condition_from_json(stored)


def test_the_position_of_a_bad_condition_is_named() -> None:
    with pytest.raises(ValidationError) as caught:
        conditions_from_json([{"os": ["linux"]}, {}])
    assert [error.field for error in caught.value.errors] == ["conditions.1"]
    refused: tuple[object, ...] = ({}, [{"os": ["linux"]}] * 65)
    for stored in refused:
        with pytest.raises(ValidationError):
            conditions_from_json(stored)


def test_the_order_of_conditions_means_nothing() -> None:
    one, other = condition(os=["linux"]), condition(agent_version="1")
    assert canonical_conditions((one, other, one)) == canonical_conditions((other, one))
