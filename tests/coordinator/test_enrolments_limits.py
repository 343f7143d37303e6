"""How many machines may wait: of an address, and of a network."""

from __future__ import annotations

import pytest

from nodes.models import Network
from sessions_app.models import User
from tests.agents import Machine
from tests.coordinator.enrolling import ask, reject
from tests.fixtures import Clock


@pytest.fixture(autouse=True)
def _stopped(clock: Clock) -> None:
    """All instants are those of the clock."""


def test_five_machines_an_address(network: Network) -> None:
    for number in range(5):
        ask(Machine(f"web-{number}"))
    refused = Machine("web").register(None)
    assert (refused.status_code, refused.json()["code"], refused["Retry-After"]) == (429, "throttled", "600")
    ask(Machine("elsewhere", origin="192.0.2.11"))


def test_an_ipv6_network_is_one_address(network: Network) -> None:
    for number in range(5):
        ask(Machine("web", origin=f"2001:db8::{number}"))
    assert Machine("web", origin="2001:db8::9").register(None).status_code == 429
    ask(Machine("web", origin="2001:db8:0:1::9"))


def test_those_that_were_decided_or_gave_up_leave_room(network: Network, ana: User, clock: Clock) -> None:
    codes = [ask(Machine(f"web-{number}")) for number in range(5)]
    reject(codes[0], ana)
    ask(Machine("in its place"))
    clock.advance(minutes=10)
    ask(Machine("later"))


def test_a_thousand_a_network(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions_app.services.enrolments.MOST_IN_NETWORK", 2)
    ask(Machine("one", origin="192.0.2.1"))
    ask(Machine("two", origin="192.0.2.2"))
    assert Machine("three", origin="192.0.2.3").register(None).status_code == 429
