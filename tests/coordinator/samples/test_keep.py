"""Half hours are the sum of their minutes, and what no chart reads goes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from coordinator.samples import forget_samples, keep, roll_up
from nodes.models import Network, Sample
from tests import factories as make
from tests.fixtures import START, Clock

pytestmark = pytest.mark.django_db


def minute(network: Network | None, after: int, **figures: object) -> None:
    """A sample of a minute, so many minutes after the start."""
    make.SampleFactory(network=network, at=START + timedelta(minutes=after), **{"online": None, **figures})


def test_counts_are_means_late_is_the_most_and_deeds_are_sums(network: Network, clock: Clock) -> None:
    minute(network, 0, online=4, late=0, due=4, heard=4)
    minute(network, 29, online=7, late=3, due=7, heard=5)
    minute(None, 3, pushes=2, maps=[1, 0])
    minute(None, 4, pushes=3, maps=[1, 5])
    minute(network, 30, online=100, late=9)
    assert roll_up(now=clock.advance(minutes=31)) == 2
    ours, workers = Sample.objects.get(network=network, span=1800), Sample.objects.get(network=None, span=1800)
    assert (ours.at, ours.online, ours.late, ours.due, ours.heard) == (START, 6, 3, 11, 9)
    assert (workers.pushes, workers.maps, workers.online) == (5, [2, 5], None)


def test_what_was_not_measured_is_not_a_zero(network: Network, clock: Clock) -> None:
    minute(network, 0, online=4, late=None)
    minute(network, 1, online=None, late=None)
    roll_up(now=clock.advance(minutes=30))
    sample = Sample.objects.get(span=1800)
    assert (sample.online, sample.late, sample.pushes, sample.maps) == (4, None, None, None)


def test_a_half_hour_that_is_not_over_waits(network: Network, clock: Clock) -> None:
    minute(network, 0, online=4)
    assert roll_up(now=clock.advance(minutes=29)) == 0


def test_a_second_run_adds_nothing(network: Network, clock: Clock) -> None:
    minute(network, 0, online=4)
    now = clock.advance(minutes=30)
    roll_up(now=now)
    assert roll_up(now=now) == 0
    assert Sample.objects.filter(span=1800).count() == 1


def test_a_pause_is_made_up_for(network: Network, clock: Clock) -> None:
    minute(network, 0, online=4)
    minute(network, 300, online=8)
    roll_up(now=clock.advance(hours=6))
    assert [row.online for row in Sample.objects.filter(span=1800).order_by("at")] == [4, 8]


def test_old_samples_go(network: Network, clock: Clock) -> None:
    for span, age in ((60, keep.MINUTES_KEPT), (1800, keep.HALF_HOURS_KEPT)):
        make.SampleFactory(network=network, span=span, at=START - age)
        make.SampleFactory(network=network, span=span, at=START - age - timedelta(minutes=1))
    assert forget_samples(now=clock.at) == 2
    assert Sample.objects.count() == 2
