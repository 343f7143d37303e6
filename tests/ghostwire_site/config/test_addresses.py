from __future__ import annotations

from ipaddress import ip_address

import pytest

from ghostwire_site.config import addresses
from ghostwire_site.config.addresses import default_public_urls, machine_addresses
from ghostwire_site.config.values import parse_listen_address


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine named Box with one address of each family."""
    monkeypatch.setattr(addresses, "machine_addresses", lambda: (ip_address("192.0.2.7"), ip_address("2001:db8::7")))
    monkeypatch.setattr("socket.gethostname", lambda: "Box")


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        (
            "0.0.0.0:8080",
            ("http://192.0.2.7:8080", "http://box:8080", "http://localhost:8080", "http://127.0.0.1:8080"),
        ),
        (
            "[::]:80",
            ("http://192.0.2.7", "http://[2001:db8::7]", "http://box", "http://localhost", "http://127.0.0.1",
             "http://[::1]"),
        ),
        ("127.0.0.1:9000", ("http://127.0.0.1:9000", "http://localhost:9000")),
        ("198.51.100.3:8080", ("http://198.51.100.3:8080",)),
    ],
)  # fmt: skip
def test_default_urls_follow_from_where_the_server_listens(listen: str, expected: tuple[str, ...]) -> None:
    assert default_public_urls(parse_listen_address(listen)) == expected


def test_the_machines_own_addresses_are_neither_loopback_nor_link_local() -> None:
    for address in machine_addresses():
        assert not address.is_loopback
        assert not address.is_link_local


def test_all_addresses_of_all_interfaces_are_found() -> None:
    assert ip_address("127.0.0.1") in addresses._ipv4_addresses()


def test_each_address_is_listed_once() -> None:
    found = machine_addresses()

    assert len(set(found)) == len(found)
