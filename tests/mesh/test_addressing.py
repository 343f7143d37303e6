"""Address pools against a pool that simply lists its addresses."""

from __future__ import annotations

from bisect import bisect_left
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.addressing import (
    Interval,
    IPAddress,
    IPNetwork,
    Pool,
    parse_exclusions,
    parse_range,
)
from mesh.errors import ValidationError


def drain(pool: Pool, cursor: int = 0) -> list[IPAddress]:
    """Every candidate from ``cursor`` on."""
    found = []
    while (candidate := pool.next_candidate(cursor)) is not None:
        address, cursor = candidate
        found.append(address)
    return found


def texts(addresses: list[IPAddress]) -> list[str]:
    return [str(address) for address in addresses]


@st.composite
def small_networks(draw: st.DrawFn) -> IPNetwork:
    """Ranges of 1 to 256 addresses of either family, anywhere."""
    bits, width = draw(st.sampled_from([(32, 4), (128, 16)]))
    prefix = draw(st.integers(bits - 8, bits))
    base = draw(st.integers(0, 2**prefix - 1)) << (bits - prefix)
    return ip_network((base.to_bytes(width, "big"), prefix))


@st.composite
def pools(draw: st.DrawFn) -> tuple[Pool, list[Interval]]:
    """A small pool, and its exclusions, which overlap, adjoin and stick out of the range."""
    network = draw(small_networks())
    base = int(network.network_address)
    edge = st.integers(-8, network.num_addresses + 8)
    pairs = draw(st.lists(st.tuples(edge, edge), max_size=6))
    exclusions = [Interval(base + min(pair), base + max(pair)) for pair in pairs]
    return Pool(network, exclusions), exclusions


def listed(pool: Pool, exclusions: list[Interval]) -> list[IPAddress]:
    """The allocatable addresses, found by looking at each one."""
    everything: list[IPAddress] = list(pool.network)
    reserved = {everything[0], everything[1], everything[-1]} if len(everything) > 2 else set()
    return [
        address
        for address in everything
        if address not in reserved and not any(part.first <= int(address) <= part.last for part in exclusions)
    ]


# --- properties


@given(pools())
def test_every_allocatable_address_comes_exactly_once_in_order_and_nothing_else(
    case: tuple[Pool, list[Interval]],
) -> None:
    pool, exclusions = case
    assert drain(pool) == listed(pool, exclusions)


@given(pools())
def test_capacity_is_how_many_come(case: tuple[Pool, list[Interval]]) -> None:
    pool, _ = case
    assert pool.capacity == len(drain(pool))


@given(pools(), st.integers(0, 300))
def test_from_any_cursor_come_those_behind_it(case: tuple[Pool, list[Interval]], cursor: int) -> None:
    pool, exclusions = case
    everything = [int(address) - int(pool.network.network_address) for address in listed(pool, exclusions)]
    offsets = [int(address) - int(pool.network.network_address) for address in drain(pool, cursor)]
    assert offsets == everything[bisect_left(everything, cursor) :]


@given(pools(), st.integers(0, 300))
def test_the_cursor_stands_right_behind_its_address(case: tuple[Pool, list[Interval]], cursor: int) -> None:
    pool, _ = case
    candidate = pool.next_candidate(cursor)
    if candidate is not None:
        address, after = candidate
        assert after == int(address) - int(pool.network.network_address) + 1
        assert after > cursor


@given(pools())
def test_what_is_allocatable_may_be_fixed_and_nothing_else(case: tuple[Pool, list[Interval]]) -> None:
    pool, exclusions = case
    allowed = set(listed(pool, exclusions))
    for address in pool.network:
        assert pool.is_allocatable(address) is (address in allowed)
        try:
            pool.check_fixed(address)
        except ValidationError:
            assert address not in allowed
        else:
            assert address in allowed


@given(pools())
def test_the_order_and_doubling_of_exclusions_do_not_matter(case: tuple[Pool, list[Interval]]) -> None:
    pool, exclusions = case
    assert Pool(pool.network, [*reversed(exclusions), *exclusions]) == pool


# --- what is reserved


@pytest.mark.parametrize(
    ("network", "reserved", "first", "capacity"),
    [
        ("10.1.0.0/16", ["10.1.0.0", "10.1.0.1", "10.1.255.255"], "10.1.0.2", 65533),
        ("10.1.0.0/29", ["10.1.0.0", "10.1.0.1", "10.1.0.7"], "10.1.0.2", 5),
        ("10.1.0.0/30", ["10.1.0.0", "10.1.0.1", "10.1.0.3"], "10.1.0.2", 1),
        ("10.1.0.0/31", [], "10.1.0.0", 2),
        ("10.1.0.9/32", [], "10.1.0.9", 1),
        ("fd00::/126", ["fd00::", "fd00::1", "fd00::3"], "fd00::2", 1),
        ("fd00::/127", [], "fd00::", 2),
        ("fd00::7/128", [], "fd00::7", 1),
        ("fd00::/48", ["fd00::", "fd00::1", "fd00::ffff:ffff:ffff:ffff:ffff"], "fd00::2", 2**80 - 3),
    ],
)
def test_reserved_addresses(network: str, reserved: list[str], first: str, capacity: int) -> None:
    pool = Pool(ip_network(network))
    assert texts(list(pool.reserved)) == reserved
    assert all(pool.is_reserved(ip_address(text)) for text in reserved)
    candidate = pool.next_candidate(0)
    assert candidate is not None
    assert str(candidate[0]) == first
    assert pool.capacity == capacity


def test_the_resolver_has_the_second_address() -> None:
    assert str(Pool(ip_network("10.1.0.0/16")).resolver) == "10.1.0.1"


def test_a_range_of_two_addresses_has_no_resolver() -> None:
    assert Pool(ip_network("10.1.0.0/31")).resolver is None


def test_an_ordinary_address_is_not_reserved() -> None:
    assert not Pool(ip_network("10.1.0.0/16")).is_reserved(ip_address("10.1.0.2"))


# --- cursors and exclusions


def test_a_whole_exclusion_is_skipped_in_one_step() -> None:
    pool = Pool(ip_network("10.0.0.0/8"), parse_exclusions(["10.0.0.0/9", "10.128.0.0-10.200.0.255"], family=4))
    assert pool.next_candidate(0) == (ip_address("10.200.1.0"), 0x00C80100 + 1)


def test_a_pool_can_be_excluded_entirely() -> None:
    pool = Pool(ip_network("10.1.0.0/24"), parse_exclusions(["10.1.0.0/16"], family=4))
    assert pool.capacity == 0
    assert pool.next_candidate(0) is None


@pytest.mark.parametrize("cursor", [255, 256, 10_000, 2**63])
def test_behind_the_last_address_there_is_none(cursor: int) -> None:
    assert Pool(ip_network("10.1.0.0/24")).next_candidate(cursor) is None


def test_a_cursor_is_not_negative() -> None:
    with pytest.raises(ValidationError, match="negative"):
        Pool(ip_network("10.1.0.0/24")).next_candidate(-1)


def test_an_exclusion_added_later_holds_at_once() -> None:
    network = ip_network("10.1.0.0/28")
    before = Pool(network).next_candidate(0)
    assert before is not None
    later = Pool(network, parse_exclusions(["10.1.0.3-10.1.0.5"], family=4))
    assert later.next_candidate(before[1]) == (ip_address("10.1.0.6"), 7)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("10.2.0.1", "not in the range"),
        ("fd00::5", "not in the range"),
        ("::ffff:10.1.0.5", "not in the range"),
        ("10.1.0.0", "first or the last"),
        ("10.1.0.255", "first or the last"),
        ("10.1.0.1", "resolver"),
        ("10.1.0.9", "excluded"),
    ],
)
def test_a_fixed_address_is_refused_with_the_reason(address: str, reason: str) -> None:
    pool = Pool(ip_network("10.1.0.0/24"), parse_exclusions(["10.1.0.9"], family=4))
    with pytest.raises(ValidationError, match=reason):
        pool.check_fixed(ip_address(address))


@pytest.mark.parametrize(
    ("address", "inside"), [("10.1.0.0", True), ("10.1.0.255", True), ("10.1.1.0", False), ("fd00::1", False)]
)
def test_containing_is_about_the_range_alone(address: str, inside: bool) -> None:
    pool = Pool(ip_network("10.1.0.0/24"), parse_exclusions(["10.1.0.255"], family=4))
    assert pool.contains(ip_address(address)) is inside


# --- reading ranges and exclusions


def test_exclusions_are_read_in_their_three_forms_and_sorted_out_by_family() -> None:
    written = ["10.1.0.0/24", "10.1.1.10-10.1.1.20", " 10.1.2.3 ", "fd00::/120", "fd00::a - fd00::f"]
    four, six = parse_exclusions(written, family=4), parse_exclusions(written, family=6)
    ten, local = int(ip_address("10.1.0.0")), int(ip_address("fd00::"))
    assert four == (Interval(ten, ten + 255), Interval(ten + 266, ten + 276), Interval(ten + 515, ten + 515))
    assert six == (Interval(local, local + 255), Interval(local + 10, local + 15))


@pytest.mark.parametrize(
    "text",
    ["", "-", "10.1.0", "10.1.0.0/33", "10.1.0.1/24", "10.1.0.9-10.1.0.8", "10.1.0.1-fd00::1", "10.1.0.1-", "web"],
)
@pytest.mark.parametrize("family", [4, 6])
def test_an_unreadable_exclusion_is_refused(text: str, family: int) -> None:
    with pytest.raises(ValidationError):
        parse_exclusions([text], family=family)


@pytest.mark.parametrize(
    ("text", "family"),
    [("10.1.0.0/16", 4), ("100.64.0.0/10", 4), ("203.0.113.0/24", 4), ("fd00::/8", 6), ("2001:db8::/32", 6)],
)
def test_a_range_is_read(text: str, family: int) -> None:
    assert str(parse_range(text, family=family)) == text


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("10.1.0.1/16", 4),
        ("10.1.0.0", 4),
        ("10.1.0.0/16", 6),
        ("fd00::/48", 4),
        ("fd00::1/48", 6),
        ("", 4),
        ("0.0.0.0/0", 4),
        ("127.0.0.0/16", 4),
        ("169.254.7.0/24", 4),
        ("224.0.0.0/8", 4),
        ("255.255.255.0/24", 4),
        ("128.0.0.0/1", 4),
        ("::/0", 6),
        ("::ffff:0:0/96", 6),
        ("fe80::/64", 6),
        ("ff02::/16", 6),
    ],
)
def test_a_range_that_cannot_be_a_pool_is_refused(text: str, family: int) -> None:
    with pytest.raises(ValidationError):
        parse_range(text, family=family)
