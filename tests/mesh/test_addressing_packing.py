"""Unique local ranges, and addresses as the database sorts them."""

from __future__ import annotations

from ipaddress import IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.addressing import (
    FOREIGN_ULA,
    IPAddress,
    pack,
    random_ula,
)
from mesh.errors import ValidationError

# --- unique local ranges


@given(st.binary(min_size=5, max_size=5))
def test_a_ula_is_fd_and_the_random_bytes(random5: bytes) -> None:
    network = random_ula(random5)
    assert network.prefixlen == 48
    assert network.subnet_of(IPv6Network("fd00::/8"))
    assert network.network_address.packed[6:] == bytes(10)
    if random5 != FOREIGN_ULA.network_address.packed[1:6]:
        assert network.network_address.packed[1:6] == random5


def test_a_ula_by_example() -> None:
    assert str(random_ula(bytes.fromhex("0123456789"))) == "fd01:2345:6789::/48"


def test_the_range_of_another_product_is_never_drawn() -> None:
    assert str(random_ula(bytes.fromhex("7a115ca1e0"))) == "fd7a:115c:a1e1::/48"


@pytest.mark.parametrize("length", [0, 4, 6])
def test_a_ula_needs_five_bytes(length: int) -> None:
    with pytest.raises(ValidationError, match="5 random bytes"):
        random_ula(bytes(length))


# --- packing


@pytest.mark.parametrize(
    ("address", "packed"),
    [("10.1.0.2", "00000000000000000000ffff0a010002"), ("fd00::2", "fd000000000000000000000000000002")],
)
def test_packing(address: str, packed: str) -> None:
    assert pack(ip_address(address)) == packed


@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_packed_addresses_sort_as_numbers(one: IPAddress, other: IPAddress) -> None:
    assert (pack(one) < pack(other)) is (int(one) < int(other))


@given(st.ip_addresses(v=6), st.ip_addresses(v=6))
def test_packed_ipv6_addresses_sort_as_numbers(one: IPAddress, other: IPAddress) -> None:
    assert (pack(one) < pack(other)) is (int(one) < int(other))
