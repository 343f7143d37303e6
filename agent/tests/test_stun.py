"""Measuring the way to STUN servers, and reading from a map where they are."""

from __future__ import annotations

from typing import Any

import pytest

from agent.relays import MAX_SERVERS, RelayRegion, RelayServer, home_of, read_relays
from agent.stun import measure
from agent.tests.relay import derp_map, stun_server


def server(
    port: int, *, ipv4: str | None = "127.0.0.1", ipv6: str | None = None, host: str = "a.invalid"
) -> RelayServer:
    return RelayServer("a", host, ipv4, ipv6, port)


async def test_latency_and_address_over_ipv4() -> None:
    async with stun_server() as near:
        found = await measure([server(near.port)], gap=0.0)
    assert found.latencies[server(near.port)] < 1500
    assert found.ipv4 is not None
    assert str(found.ipv4).startswith("127.0.0.1:")
    assert (found.ipv6, near.heard) == (None, 3)


async def test_over_ipv6() -> None:
    async with stun_server("::1") as near:
        found = await measure([server(near.port, ipv4=None, ipv6="::1")], gap=0.0)
    assert str(found.ipv6).startswith("[::1]:")


async def test_a_name_is_looked_up() -> None:
    async with stun_server() as near:
        found = await measure([server(near.port, ipv4=None, host="localhost")], gap=0.0, wait=5.0)
    assert len(found.latencies) == 1


async def test_names_that_lead_nowhere_and_ports_that_are_closed_hold_nobody_up() -> None:
    async with stun_server() as near, stun_server() as mute:
        mute.deaf = True
        nowhere = server(9, ipv4=None, host="no-such-host.invalid")
        found = await measure([nowhere, server(mute.port), server(near.port)], gap=0.0, wait=0.05)
    assert set(found.latencies) == {server(near.port)}
    assert mute.heard == 3


async def test_an_answer_to_a_request_that_nobody_made_counts_for_nothing() -> None:
    async with stun_server() as near:
        near.forged = True
        assert not (await measure([server(near.port)], gap=0.0, wait=0.05)).latencies


async def test_nobody_to_ask() -> None:
    assert not (await measure([])).latencies


def test_regions_of_a_map() -> None:
    assert read_relays({"derp_map": derp_map((4, 3478), (3, 3479))}) == (
        RelayRegion(3, "r3", "Region 3", (RelayServer("a", "relay.invalid", "127.0.0.1", None, 3479),)),
        RelayRegion(4, "r4", "Region 4", (RelayServer("a", "relay.invalid", "127.0.0.1", None, 3478),)),
    )


NODE: dict[str, Any] = {"name": "a", "host": "a.example", "ipv4": None, "ipv6": None, "port": 443, "stun_port": 3478}


@pytest.mark.parametrize(
    ("region", "servers"),
    [
        ({"id": 3, "nodes": [NODE | {"stun_port": 0}]}, 0),
        ({"id": 3, "nodes": [NODE | {"stun_port": 70_000}, NODE | {"host": 7}, NODE | {"host": ""}, 7, NODE]}, 1),
        ({"id": 3, "nodes": None}, 0),
        ({"id": 3, "nodes": [NODE | {"name": str(number)} for number in range(99)]}, MAX_SERVERS),
        ({"id": "3", "nodes": [NODE]}, None),
        ({"id": True, "nodes": [NODE]}, None),
        ({"id": 0, "nodes": [NODE]}, None),
        ([], None),
    ],
)
def test_what_is_not_as_it_should_be_is_left_out(region: Any, servers: int | None) -> None:
    found = read_relays({"derp_map": {"regions": {"3": region}}})
    assert [len(item.servers) for item in found] == ([] if servers is None else [servers])


@pytest.mark.parametrize("netmap", [None, {}, {"derp_map": None}, {"derp_map": {"regions": []}}])
def test_maps_without_relays(netmap: Any) -> None:
    assert read_relays(netmap) == ()
    assert home_of(netmap) is None


@pytest.mark.parametrize(("home", "expected"), [(3, 3), (None, None), ("3", None), (True, None)])
def test_home(home: Any, expected: int | None) -> None:
    assert home_of({"node": {"home_derp": home}}) == expected
