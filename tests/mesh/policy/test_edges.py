"""The edges of schedules, conditions and selectors, where one step further means something else."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import IPv4Network

import pytest

from mesh.errors import ValidationError
from mesh.policy import Action, Condition, ConditionKind, Group, Names, Policy, Rule, Schedule, is_open, next_boundary
from mesh.policy import selectors as s
from mesh.policy.conditions import condition_from_json, describe_condition, needs_attribute
from mesh.policy.evaluate import evaluate, evaluate_line
from mesh.policy.network_file import read_network
from mesh.policy.policy import denials_naming, validate_policy
from mesh.policy.schedule import describe_schedule, parse_instant, parse_minutes
from mesh.policy.selectors import parse_selector, parse_stored

NIGHT = Schedule(frozenset({6}), 22 * 60, 6 * 60, "UTC")
"""Sundays from 22:00 to Mondays 06:00."""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2026-03-01T21:59", False),
        ("2026-03-01T22:00", True),
        ("2026-03-02T05:59", True),
        ("2026-03-02T06:00", False),
        ("2026-03-02T22:00", False),
        ("2026-03-01T03:00", False),
    ],
)
def test_a_night_belongs_to_the_day_that_it_begins_on_also_over_the_end_of_a_week(instant: str, expected: bool) -> None:
    assert is_open(NIGHT, at(instant)) is expected


def test_a_rule_that_expires_within_its_window_ends_then() -> None:
    office = Schedule(frozenset(), 8 * 60, 18 * 60, "UTC", None, at("2026-03-02T12:00"))
    assert next_boundary(office, at("2026-03-02T10:00")) == at("2026-03-02T12:00")
    assert next_boundary(office, at("2026-03-02T12:00")) is None


@pytest.mark.parametrize("text", ["08:60", "24:01", "8:00", "08.00", "0800", "", "٠٨:٠٠"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="is not a time of day"):
        parse_minutes(text)


def test_the_last_minutes_of_a_day_are_times() -> None:
    assert (parse_minutes("23:59"), parse_minutes("24:00")) == (1_439, 1_440)


def test_what_is_no_instant_is_refused_in_its_own_words() -> None:
    with pytest.raises(ValidationError, match="“tomorrow” is not an instant"):
        parse_instant("tomorrow")
    with pytest.raises(ValidationError, match="needs a date, a time and an offset"):
        parse_instant("2026-01-31T18:00:00")


def test_a_schedule_in_words_says_all_of_it() -> None:
    whole = Schedule(frozenset({0, 4}), 8 * 60, 18 * 60, "UTC", at("2026-01-01T00:00"), at("2026-02-01T00:00"))
    assert describe_schedule(whole) == (
        "mon,fri 08:00-18:00 UTC, from 2026-01-01T00:00:00Z, until 2026-02-01T00:00:00Z"
    )


@pytest.mark.parametrize(
    ("condition", "words", "reported"),
    [
        (Condition(ConditionKind.OS_IN, ("Linux", "macos")), "os is Linux or macos", False),
        (Condition(ConditionKind.VERSION_AT_LEAST, ("1.2-RC",)), "agent version is at least 1.2-RC", False),
        (Condition(ConditionKind.ATTRIBUTE_EQUALS, (True,), "disk"), "disk is true", True),
        (Condition(ConditionKind.ATTRIBUTE_IN, ("Red", 3), "tier"), "tier is Red or 3", True),
        (Condition(ConditionKind.ATTRIBUTE_EXISTS, (), "tier"), "tier is reported", True),
    ],
)
def test_conditions_in_words_and_whether_they_need_a_report(condition: Condition, words: str, reported: bool) -> None:
    assert describe_condition(condition) == words
    assert needs_attribute(condition) is reported


@pytest.mark.parametrize("value", [None, [], ["os"], "os", {}])
def test_what_is_no_condition_at_all_says_so(value: object) -> None:
    with pytest.raises(ValidationError, match="a condition is an object"):
        condition_from_json(value)


def test_a_checked_policy_is_the_policy_itself() -> None:
    policy = Policy((Rule(1, 1, Action.ACCEPT, (s.ANY,), (s.ANY,)),))
    assert validate_policy(policy) is policy


def test_denials_are_named_in_their_order() -> None:
    rules = tuple(
        Rule(number, position, Action.DENY, (s.group("ops"),), (s.ANY,))
        for number, position in ((1, 3), (2, 1), (3, 2))
    )
    policy = Policy(rules, (Group("ops", frozenset({1})),))
    assert [rule.id for rule in denials_naming(policy, s.user(1))] == [2, 3, 1]


def test_an_unknown_autogroup_is_told_which_there_are() -> None:
    with pytest.raises(ValidationError) as refused:
        parse_selector("autogroup:everyone", Names())
    assert refused.value.detail == (
        "there is no “autogroup:everyone”; known are "
        "autogroup:member, autogroup:members, autogroup:tagged, autogroup:self, autogroup:internet"
    )


def test_what_is_no_stored_selector_is_refused() -> None:
    for text in ("user#x", "node#", "user#" + "1" * 17):
        with pytest.raises(ValidationError, match=f"“{text}” is not a stored selector"):
            parse_stored(text)


NETWORK = {
    "domain": "test.ghost",
    "ipv4_range": "10.1.0.0/24",
    "users": [{"login": "ana"}],
    "nodes": [
        {"name": name, "user": "ana", "addresses": [f"10.1.0.{number}"]}
        for number, name in enumerate(("web", "alpha", "db"), start=1)
    ],
}
EVERYBODY = {"acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"]}]}


def test_peers_are_evaluated_in_the_order_of_their_names() -> None:
    result = evaluate(EVERYBODY, NETWORK, at("2026-03-02T10:00"))
    assert result["nodes"]["db"]["peers"] == ["alpha", "web"]


def test_a_line_that_lacks_something_has_no_errors_by_member() -> None:
    answer = evaluate_line('{"id": 1, "policy": {}}', at("2026-03-02T10:00"))
    assert answer == {"id": 1, "error": {"code": "validation", "detail": "network is missing"}}


def test_what_a_network_leaves_out_is_empty() -> None:
    described = read_network(NETWORK)
    assert described.facts.ipv4_range == IPv4Network("10.1.0.0/24")
    assert [(user.login, user.name) for user in described.facts.users] == [("ana", "")]
    assert {(node.os, node.agent_version) for node in described.facts.nodes} == {("", "")}
