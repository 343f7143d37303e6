"""Which way to a peer is tried, and when the next."""

from __future__ import annotations

import ipaddress

import pytest

from agent.netmap import Endpoint
from agent.netmap.values import parse_endpoint
from agent.paths import (
    Attempt,
    Link,
    LocalNetworks,
    Tunnelled,
    advance,
    begin,
    keepalive_for,
    order_candidates,
    renew,
)

WALL = 1_770_000_000.0


def at(text: str) -> Endpoint:
    found = parse_endpoint(text)
    assert found is not None
    return found


def here(*interfaces: str) -> LocalNetworks:
    return LocalNetworks(tuple(ipaddress.ip_interface(text) for text in interfaces))


LAN, PUBLIC, OTHER, SIX = at("192.168.1.7:1"), at("8.8.8.8:1"), at("172.16.0.9:1"), at("[2a00::9]:1")
HOME = here("192.168.1.2/24")
NOTHING = Tunnelled()


def test_same_network_first_then_public_then_the_rest() -> None:
    assert order_candidates([OTHER, PUBLIC, LAN], HOME, NOTHING) == (LAN, PUBLIC, OTHER)


def test_a_family_that_the_machine_does_not_speak_is_left_out() -> None:
    assert order_candidates([SIX, PUBLIC], HOME, NOTHING) == (PUBLIC,)


def test_the_machines_own_address_is_left_out() -> None:
    assert order_candidates([at("192.168.1.2:1"), PUBLIC], HOME, NOTHING) == (PUBLIC,)


def test_what_is_routed_into_the_mesh_is_left_out() -> None:
    inside = Tunnelled.of([ipaddress.ip_network("10.77.0.2/32"), ipaddress.ip_network("172.16.0.0/24")])
    assert order_candidates([at("10.77.0.2:1"), OTHER, PUBLIC], HOME, inside) == (PUBLIC,)


def test_a_candidate_has_five_seconds() -> None:
    attempt = begin((LAN, PUBLIC), now=100.0)
    trying = Link(LAN, tx=148)
    assert advance(attempt, trying, now=104.9, wall=WALL).endpoint == LAN
    assert advance(attempt, trying, now=105.0, wall=WALL).endpoint == PUBLIC


def test_after_the_last_candidate_comes_the_first() -> None:
    attempt = Attempt((LAN, PUBLIC), index=1, since=100.0)
    assert advance(attempt, Link(PUBLIC, tx=148), now=105.0, wall=WALL).endpoint == LAN


def test_a_handshake_ends_the_search() -> None:
    attempt = begin((LAN, PUBLIC), now=100.0)
    proven = Link(LAN, handshake=WALL - 10, tx=148)
    assert advance(attempt, proven, now=200.0, wall=WALL).endpoint == LAN


def test_a_handshake_of_three_minutes_ago_proves_nothing() -> None:
    attempt = begin((LAN, PUBLIC), now=100.0)
    stale = Link(LAN, handshake=WALL - 180, tx=148)
    assert advance(attempt, stale, now=105.0, wall=WALL).endpoint == PUBLIC


def test_a_peer_that_nobody_talks_to_is_left_alone() -> None:
    attempt = begin((LAN, PUBLIC), now=100.0, tx=500)
    assert advance(attempt, Link(LAN, tx=500), now=500.0, wall=WALL).endpoint == LAN


def test_the_five_seconds_begin_when_the_handshake_goes_stale() -> None:
    attempt = begin((LAN, PUBLIC), now=100.0)
    proven = advance(attempt, Link(LAN, handshake=WALL, tx=148), now=300.0, wall=WALL)
    later = advance(proven, Link(LAN, handshake=WALL, tx=296), now=304.0, wall=WALL + 200)
    assert later.endpoint == LAN


def test_a_candidate_that_is_still_listed_stays_in_use() -> None:
    attempt = Attempt((LAN, PUBLIC), index=1, since=100.0)
    assert renew(attempt, (OTHER, LAN, PUBLIC), Link(), now=200.0).endpoint == PUBLIC


def test_a_candidate_that_is_gone_makes_way_for_the_best() -> None:
    attempt = begin((LAN,), now=100.0)
    assert renew(attempt, (PUBLIC, OTHER), Link(LAN), now=200.0).endpoint == PUBLIC


def test_where_wireguard_moved_by_itself_is_kept_if_it_is_listed() -> None:
    attempt = begin((LAN,), now=100.0)
    assert renew(attempt, (PUBLIC, OTHER), Link(OTHER), now=200.0).endpoint == OTHER


def test_a_peer_without_endpoints_has_none() -> None:
    assert begin((), now=1.0).endpoint is None


@pytest.mark.parametrize(
    ("endpoint", "local", "seconds"),
    [
        (PUBLIC, HOME, 25),
        (LAN, HOME, 0),
        (OTHER, HOME, 0),
        (PUBLIC, here("9.9.9.9/24"), 0),
        (PUBLIC, here("100.64.0.5/24"), 25),
        (SIX, here("192.168.1.2/24", "2a00::1/64"), 0),
        (SIX, here("fd00::1/64"), 25),
        (None, HOME, 0),
    ],
)
def test_keepalives_are_for_those_behind_a_translator(
    endpoint: Endpoint | None, local: LocalNetworks, seconds: int
) -> None:
    assert keepalive_for(endpoint, local) == seconds
