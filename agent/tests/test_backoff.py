"""1 to 60 seconds, doubling, jittered."""

from __future__ import annotations

import random

import pytest

from agent.backoff import CEILING_SECONDS, FLOOR_SECONDS, Backoff


def test_it_doubles_up_to_a_minute() -> None:
    backoff = Backoff(lambda low, high: high)
    assert [backoff.next_delay() for _ in range(8)] == [2, 4, 8, 16, 32, 60, 60, 60]


def test_the_least_jitter_never_goes_below_a_second() -> None:
    backoff = Backoff(lambda low, high: low)
    assert [backoff.next_delay() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_every_delay_is_between_a_second_and_a_minute() -> None:
    backoff = Backoff(random.Random(7).uniform)
    delays = [backoff.next_delay() for _ in range(2000)]
    assert min(delays) >= FLOOR_SECONDS and max(delays) <= CEILING_SECONDS


def test_agents_that_fail_together_do_not_return_together() -> None:
    delays = {round(Backoff(random.Random(seed).uniform, failures=5).next_delay(), 1) for seed in range(200)}
    assert len(delays) > 100


@pytest.mark.parametrize("asked", [17.0, 300.0])
def test_what_the_portal_asks_for_is_the_least(asked: float) -> None:
    assert Backoff(random.Random(7).uniform).next_delay(at_least=asked) >= asked


def test_an_answer_starts_it_anew() -> None:
    backoff = Backoff(lambda low, high: high, failures=6)
    backoff.reset()
    assert backoff.next_delay() == 2
