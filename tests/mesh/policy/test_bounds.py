"""Every bound from both sides: the last that is still allowed, and the first that is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from mesh.errors import ValidationError
from mesh.policy import (
    Action,
    Condition,
    ConditionKind,
    Policy,
    PortRange,
    Rule,
    check_policy,
    check_rule,
    condition_from_json,
    conditions_from_json,
    merge_ports,
    parse_prefix,
    parse_stored,
    schedule_from_json,
)
from mesh.policy import selectors as s
from mesh.policy.conditions import version_key
from mesh.policy.policy import Assertion
from mesh.policy.services import parse_ports, parse_protocol

RULE = Rule(1, 1, Action.ACCEPT, (s.ANY,), (s.ANY,))
LINUX = Condition(ConditionKind.OS_IN, ("linux",))


@pytest.mark.parametrize(
    "changed",
    [
        {"sources": (s.ANY,) * 1_000},
        {"destinations": (s.ANY,) * 1_000},
        {"name": "x" * 100},
        {"comment": "x" * 1_024},
        {"conditions": (LINUX,) * 64},
        {"ports": tuple(PortRange(n, n) for n in range(0, 512, 2))},
        {"ports": (PortRange(0, 0), PortRange(65_535, 65_535))},
        {"protocols": (1, 255)},
    ],
)
def test_a_rule_may_be_as_large_as_this(changed: dict[str, Any]) -> None:
    assert check_rule(replace(RULE, **changed)) == ()


def test_one_destination_of_ones_own_is_enough_to_rule_out_machines() -> None:
    rule = replace(RULE, sources=(s.tag("tag:a"),), destinations=(s.INTERNET, s.SELF))
    assert [error.field for error in check_rule(rule)] == ["sources.0"]


def test_a_policy_may_be_as_large_as_this() -> None:
    rules = tuple(replace(RULE, id=n, position=n) for n in range(10_000))
    assert check_policy(Policy(rules, assertions=(Assertion(s.ANY),) * 1_000)) == ()
    assert [error.field for error in check_policy(Policy(assertions=(Assertion(s.ANY),) * 1_001))] == ["tests"]


def test_a_range_inside_another_adds_nothing() -> None:
    first, wide = PortRange(0, 1), PortRange(5, 20)
    assert merge_ports([first, wide, PortRange(6, 7)]) == (first, wide)
    assert merge_ports([first, PortRange(5, 7), PortRange(6, 20)]) == (first, wide)
    assert merge_ports([PortRange(5, 6), PortRange(7, 20), first]) == (first, wide)
    assert merge_ports([first, PortRange(3, 4)]) == (first, PortRange(3, 4))
    assert merge_ports([PortRange(0, 65_534)]) == (PortRange(0, 65_534),)
    assert merge_ports([PortRange(1, 65_535), PortRange(0, 0)]) == ()


def text_of(length: int) -> str:
    return "x" * length


@pytest.mark.parametrize(
    ("read", "good", "bad"),
    [
        (parse_protocol, "255", "256"),
        (parse_protocol, 255, 256),
        (parse_protocol, 1, 0),
        (parse_protocol, "006", "0006"),
        (parse_ports, "00022", "000022"),
        (parse_ports, "65535", "65536"),
        (parse_ports, "7-7", "7-6"),
        (parse_prefix, "10.0.0.0/008", "10.0.0.0/0008"),
        (parse_prefix, "::ffff:0:0/95".replace("ffff", "fffe"), "::ffff:0:0/96"),
        (parse_prefix, "::fffe:0:0/96", "::ffff:10.0.0.0/104"),
        (parse_stored, "node#" + "1" * 16, "node#" + "1" * 17),
        (condition_from_json, {"os": ["x"] * 256}, {"os": ["x"] * 257}),
        (condition_from_json, {"os": [text_of(1_024)]}, {"os": [text_of(1_025)]}),
        (
            condition_from_json,
            {"attribute": "a", "equals": text_of(1_024)},
            {"attribute": "a", "equals": text_of(1_025)},
        ),
        (conditions_from_json, [{"os": ["x"]}] * 64, [{"os": ["x"]}] * 65),
        (schedule_from_json, {"start": "23:59", "end": "24:00"}, {"start": "23:59", "end": "24:01"}),
        (schedule_from_json, {"start": "00:00", "end": "00:01"}, {"start": "00:00", "end": "00:00"}),
        (schedule_from_json, {"start": "00:59", "end": "01:00"}, {"start": "00:60", "end": "01:00"}),
    ],
)
def test_the_last_that_is_read_and_the_first_that_is_not(read: Callable[[Any], object], good: Any, bad: Any) -> None:
    read(good)
    with pytest.raises(ValidationError):
        read(bad)


@pytest.mark.parametrize(("length", "expected"), [(0, False), (1, True), (63, True), (64, False)])
def test_names_are_of_1_to_63_characters(length: int, expected: bool) -> None:
    assert s.is_name("x" * length) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a-b_c.d", True), ("1a", True), ("-a", False), (".a", False), ("_a", False), ("a b", False), ("ä", False)],
)
def test_names_are_ascii_and_begin_with_a_letter_or_digit(name: str, expected: bool) -> None:
    assert s.is_name(name) is expected


def test_versions_have_parts_of_15_digits_at_most() -> None:
    assert version_key("1" * 15) == (int("1" * 15),)
    assert version_key("1" * 16) is None
    assert version_key("1.2." + "3" * 16) == (1, 2)
    assert version_key("0.0") == version_key("0") == (0,)
    assert version_key("1.2-rc1.9") == (1, 2)
    assert version_key("2.0.0.1") == (2, 0, 0, 1)


def test_an_address_is_shown_without_its_length_and_a_cidr_with_it() -> None:
    assert s.format_prefix(ip_network("10.0.0.1/32")) == "10.0.0.1"
    assert s.format_prefix(ip_network("10.0.0.0/31")) == "10.0.0.0/31"
    assert s.format_prefix(ip_network("fd00::1/128")) == "fd00::1"
    assert s.format_prefix(ip_network("fd00::/127")) == "fd00::/127"
