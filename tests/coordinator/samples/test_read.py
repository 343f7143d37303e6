"""Series for charts: a point a step, and gaps where nothing was measured."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from coordinator.samples import read_series
from nodes.models import Network
from tests import factories as make
from tests.fixtures import START

pytestmark = pytest.mark.django_db


def test_an_hour_has_a_point_a_minute_and_ends_now(network: Network) -> None:
    make.SampleFactory(network=network, at=START, online=3)
    make.SampleFactory(network=network, at=START - timedelta(minutes=59), online=5)
    make.SampleFactory(network=network, at=START - timedelta(minutes=60), online=99)
    series = read_series(network_id=network.pk, name="hour", now=START + timedelta(seconds=30))
    assert (len(series.at), series.at[-1]) == (60, START)
    assert [value for value in series.values["online"] if value is not None] == [5, 3]
    assert series.values["online"][30] is None


def test_a_day_takes_minutes_together(network: Network) -> None:
    for after, online, late, pushes in ((0, 4, 0, 1), (1, 6, 3, 2)):
        make.SampleFactory(network=network, at=START + timedelta(minutes=after), online=online, late=late)
        make.SampleFactory(network=None, at=START + timedelta(minutes=after), online=None, pushes=pushes)
    series = read_series(network_id=network.pk, name="day", now=START + timedelta(minutes=2))
    assert (series.step, len(series.at)) == (300, 288)
    assert [series.values[name][-1] for name in ("online", "late", "pushes")] == [5, 3, 3]


def test_a_month_is_read_from_half_hours(network: Network) -> None:
    make.SampleFactory(network=network, span=1800, at=START - timedelta(days=20), online=7)
    make.SampleFactory(network=network, span=60, at=START - timedelta(days=1), online=99)
    series = read_series(network_id=network.pk, name="month", now=START)
    assert [value for value in series.values["online"] if value is not None] == [7]


def test_another_network_is_none_of_it(network: Network) -> None:
    make.SampleFactory(network=make.NetworkFactory(name="other"), at=START, online=9)
    assert read_series(network_id=network.pk, name="hour", now=START).latest("online") is None


def test_a_range_is_one_query(network: Network, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        read_series(network_id=network.pk, name="day", now=START)
