"""Relay servers die of failures in a row and come back by successes in a row; what says nothing counts for nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mesh.relay_health import Answer, Health, Ways, assess, is_due, regions_in_maps, ways_of

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
EVERY = timedelta(seconds=30)
OPEN = Ways(tls=True, stun=True)
GOOD = Answer(ms=12.5)
MUTE = Answer("silent", "stun")
NO_STUN = Answer(stun_fault="stun", ms=20.0)


def after(answers: list[Answer], health: Health | None = None, *, ways: Ways = OPEN, step: timedelta = EVERY) -> Health:
    """Health after answers, one a round from NOW on."""
    health = health or Health()
    for number, answer in enumerate(answers):
        health = assess(health, answer, ways, now=NOW + number * step, every=EVERY)
    return health


DEAD = after([MUTE] * 3)


@pytest.mark.parametrize(
    ("answers", "alive"),
    [
        ([], True),
        ([MUTE] * 2, True),
        ([MUTE] * 3, False),
        ([NO_STUN] * 3, False),
        ([MUTE, NO_STUN, MUTE], False),
        ([MUTE, MUTE, GOOD, MUTE, MUTE], True),
        ([MUTE] * 3 + [GOOD] * 2, False),
        ([MUTE] * 3 + [GOOD] * 3, True),
        ([MUTE] * 3 + [GOOD, GOOD, MUTE, GOOD, GOOD], False),
        ([MUTE] * 3 + [GOOD] * 3 + [MUTE] * 2, True),
        ([GOOD] * 5 + [MUTE] * 2, True),
    ],
)
def test_rows_decide(answers: list[Answer], alive: bool) -> None:
    assert after(answers).alive == alive


@pytest.mark.parametrize("ways", [Ways(tls=False, stun=False)])
def test_nobody_dies_while_nobody_answers(ways: Ways) -> None:
    health = after([MUTE] * 9, ways=ways)
    assert (health.alive, health.failures, health.fault, health.failing_since) == (True, 0, "silent", NOW)


def test_failures_before_and_after_a_lost_uplink_are_not_in_a_row_with_it() -> None:
    health = after([MUTE, MUTE])
    health = assess(health, MUTE, Ways(tls=False, stun=False), now=NOW + 2 * EVERY, every=EVERY)
    assert (health.alive, health.failures) == (True, 2)


@pytest.mark.parametrize(
    ("ways", "answer", "verdict"),
    [
        (OPEN, GOOD, True),
        (OPEN, MUTE, False),
        (OPEN, NO_STUN, False),
        (OPEN, Answer("tls"), False),
        (OPEN, Answer(asks_stun=False), True),
        (Ways(tls=True, stun=False), NO_STUN, True),
        (Ways(tls=True, stun=False), MUTE, False),
        (Ways(tls=False, stun=True), Answer("silent"), True),
        (Ways(tls=False, stun=True), MUTE, False),
        (Ways(tls=False, stun=True), Answer("silent", asks_stun=False), None),
        (Ways(tls=False, stun=False), MUTE, None),
    ],
)
def test_a_part_counts_where_somebody_answers_it(ways: Ways, answer: Answer, verdict: bool | None) -> None:
    assert ways.verdict(answer) is verdict


@pytest.mark.parametrize(
    ("answers", "ways"),
    [
        ([], Ways(tls=False, stun=False)),
        ([MUTE, MUTE], Ways(tls=False, stun=False)),
        ([MUTE, GOOD], OPEN),
        ([NO_STUN, MUTE], Ways(tls=True, stun=False)),
        ([Answer(asks_stun=False)], Ways(tls=True, stun=False)),
        ([Answer("silent"), MUTE], Ways(tls=False, stun=True)),
    ],
)
def test_ways(answers: list[Answer], ways: Ways) -> None:
    assert ways_of(answers) == ways


def test_facts_of_an_answer() -> None:
    health = after([Answer(ms=12.5, unknown_issuer=True)])
    assert health == Health(
        checked_at=NOW, answered_at=NOW, answer_ms=12.5, unknown_issuer=True, successes=1, failures=0
    )


def test_facts_of_a_failure() -> None:
    health = after([GOOD, MUTE, NO_STUN])
    assert (health.answered_at, health.answer_ms) == (NOW, 12.5)
    assert (health.failing_since, health.checked_at, health.fault) == (NOW + EVERY, NOW + 2 * EVERY, "stun")


@pytest.mark.parametrize(("pause", "alive"), [(3 * EVERY, False), (3 * EVERY + timedelta(seconds=1), True)])
def test_failures_before_a_pause_of_the_portal_do_not_count(pause: timedelta, alive: bool) -> None:
    health = assess(after([MUTE, MUTE]), MUTE, OPEN, now=NOW + EVERY + pause, every=EVERY)
    assert health.alive == alive


def test_doubled_rounds_count_once() -> None:
    assert after([MUTE] * 9, step=timedelta(seconds=1)).alive
    assert after([GOOD] * 9, DEAD, step=timedelta(seconds=1)).successes == 1


def test_a_clock_that_went_back_begins_the_row_anew() -> None:
    assert assess(after([MUTE, MUTE]), MUTE, OPEN, now=NOW - timedelta(hours=1), every=EVERY).failures == 1


def test_the_dead_do_not_lose_count_by_being_asked_rarely() -> None:
    assert after([GOOD] * 3, DEAD, step=timedelta(minutes=5)).alive


@pytest.mark.parametrize(
    ("failing_for", "checked", "due"),
    [
        (timedelta(minutes=2), EVERY, True),
        (timedelta(minutes=20), timedelta(seconds=100), False),
        (timedelta(minutes=20), timedelta(seconds=106), True),
        (timedelta(days=3), timedelta(minutes=4), False),
        (timedelta(days=3), timedelta(minutes=5), True),
        (timedelta(days=3), timedelta(minutes=-5), True),
    ],
)
def test_the_dead_are_asked_more_rarely(failing_for: timedelta, checked: timedelta, due: bool) -> None:
    health = replace(DEAD, failing_since=NOW - failing_for, checked_at=NOW - checked)
    assert is_due(health, now=NOW, every=EVERY) == due


@pytest.mark.parametrize(
    "health", [Health(), after([MUTE]), after([GOOD], DEAD)], ids=["new", "failing", "coming back"]
)
def test_others_are_asked_in_each_round(health: Health) -> None:
    assert is_due(health, now=NOW, every=EVERY)


@pytest.mark.parametrize(
    ("regions", "told"),
    [
        ({}, {}),
        ({1: {}}, {1: []}),
        ({1: {11: True, 12: False}, 2: {21: False}, 3: {}}, {1: [11], 3: []}),
        ({1: {11: False}, 2: {21: False}, 3: {}}, {1: [11], 2: [21], 3: []}),
        ({1: {11: True}, 2: {21: True}}, {1: [11], 2: [21]}),
    ],
)
def test_regions_in_maps(regions: dict[int, dict[int, bool]], told: dict[int, list[int]]) -> None:
    assert regions_in_maps(regions) == told
