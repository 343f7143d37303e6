"""The figures behind the overview's charts, for programs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nodes.models import Network
from tests import factories as make
from tests.admin_api.api import Api
from tests.fixtures import Clock


def test_an_hour_is_told_minute_by_minute(api: Api, network: Network, clock: Clock) -> None:
    minute = clock.at.replace(second=0, microsecond=0)
    make.SampleFactory(network=network, at=minute, online=3, late=1)
    make.SampleFactory(network=None, at=minute, online=None, pushes=7)
    said = api.get("status/samples")
    assert (said["network"], said["range"], said["step_seconds"], len(said["steps"])) == (network.name, "hour", 60, 60)
    last, before = said["steps"][-1], said["steps"][-2]
    assert (last["online"], last["late"], last["pushes"], last["maps"]) == (3.0, 1.0, 7.0, None)
    assert before["online"] is None


@pytest.mark.parametrize(("name", "steps"), [("day", 288), ("month", 360)])
def test_other_ranges(api: Api, network: Network, clock: Clock, name: str, steps: int) -> None:
    make.SampleFactory(network=network, at=clock.at - timedelta(hours=2), online=3)
    assert len(api.get(f"status/samples?range={name}")["steps"]) == steps


def test_a_range_that_is_none_is_refused(api: Api, network: Network) -> None:
    assert api("GET", "status/samples?range=year").status_code == 400
