from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Network, ip_address

import pytest

from ghostwire_site.config.ranges import AddressRange, parse_address_range
from ghostwire_site.config.values import (
    ListenAddress,
    Rate,
    format_duration,
    format_size,
    parse_domain,
    parse_duration,
    parse_listen_address,
    parse_network,
    parse_origin,
    parse_rate,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("250ms", timedelta(milliseconds=250)),
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("5min", timedelta(minutes=5)),
        ("24h", timedelta(hours=24)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(days=14)),
        ("1h30m", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        (" 30S ", timedelta(seconds=30)),
    ],
)
def test_durations_are_read(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("value", [30, "30", "", "s", "30 s", "-5s", "30 seconds", "1h x", None, True, 1.5])
def test_durations_without_a_clear_unit_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is not a duration; write a number and a unit"):
        parse_duration(value)


@pytest.mark.parametrize("text", ["250ms", "30s", "60s", "5m", "24h", "48h", "7d", "180d", "90m", "0s"])
def test_durations_are_spelled_as_they_are_written(text: str) -> None:
    assert format_duration(parse_duration(text)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("256MB", 256_000_000), ("256MiB", 268_435_456), ("64kb", 64_000), ("1.5GB", 1_500_000_000), ("512 B", 512)],
)
def test_sizes_are_read(text: str, expected: int) -> None:
    assert parse_size(text) == expected


@pytest.mark.parametrize("value", [256, "256", "MB", "-1MB", "256 megabytes", None, ["1MB"]])
def test_sizes_without_a_clear_unit_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(value)


@pytest.mark.parametrize("text", ["256MB", "256MiB", "1GB", "3KiB", "7B", "0B"])
def test_sizes_are_spelled_as_they_are_written(text: str) -> None:
    assert format_size(parse_size(text)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30/min", Rate(30, 60)), ("5/s", Rate(5, 1)), ("1000/h", Rate(1000, 3600)), ("2 / minute", Rate(2, 60))],
)
def test_rates_are_read(text: str, expected: Rate) -> None:
    assert parse_rate(text) == expected


@pytest.mark.parametrize("value", ["0/min", "30", "30/d", "min/30", "-1/s", 30])
def test_rates_that_mean_nothing_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        parse_rate(value)


def test_rates_are_spelled_as_they_are_written() -> None:
    assert [str(parse_rate(text)) for text in ("30/min", "5/s", "7/h")] == ["30/min", "5/s", "7/h"]


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("0.0.0.0:8080", "0.0.0.0", 8080), ("[::]:80", "::", 80), ("localhost:9000", "127.0.0.1", 9000)],
)
def test_listen_addresses_are_read(text: str, host: str, port: int) -> None:
    assert parse_listen_address(text) == ListenAddress(ip_address(host), port)


@pytest.mark.parametrize(
    "value",
    ["0.0.0.0", ":8080", "0.0.0.0:0", "0.0.0.0:65536", "::1:80", "[127.0.0.1]:80", "example.com:80", 8080, "1:²"],
)
def test_listen_addresses_that_cannot_be_meant_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="write an address and a port"):
        parse_listen_address(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://VPN.Example.com/", "https://vpn.example.com"),
        ("https://vpn.example.com:443", "https://vpn.example.com"),
        ("http://10.0.0.1:80", "http://10.0.0.1"),
        ("http://10.0.0.1:8080", "http://10.0.0.1:8080"),
        ("http://[2001:DB8:0::1]:8080/", "http://[2001:db8::1]:8080"),
    ],
)
def test_an_origin_has_one_spelling(text: str, expected: str) -> None:
    assert parse_origin(text) == expected


@pytest.mark.parametrize(
    "value",
    [
        "vpn.example.com",
        "ftp://a",
        "https://",
        "https://a/b",
        "https://a?b",
        "https://u:p@a",
        "https://a:b",
        "https://-a",
    ],
)
def test_urls_that_are_no_origin_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"must|no (port|valid)"):
        parse_origin(value)


def test_a_network_with_host_bits_is_refused_with_what_was_meant() -> None:
    with pytest.raises(ValueError, match=r"did you mean 10\.1\.0\.0/16\?"):
        parse_network("10.1.2.3/16")


@pytest.mark.parametrize("value", ["10.1.0.0/33", "ten", None, 10])
def test_what_is_no_network_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is not a network"):
        parse_network(value)


def test_domains_are_lower_case_without_a_final_dot() -> None:
    assert parse_domain("MyCompany.Ghost.") == "mycompany.ghost"


@pytest.mark.parametrize("value", ["", "a..b", "-a.b", "a_b.c", "ä.example", "a" * 64, None])
def test_what_is_no_domain_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is not a domain name"):
        parse_domain(value)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("10.1.0.7", "10.1.0.7", "10.1.0.7"),
        ("10.1.0.0/24", "10.1.0.0", "10.1.0.255"),
        ("10.1.0.10-10.1.0.20", "10.1.0.10", "10.1.0.20"),
        ("fd00::1 - fd00::ff", "fd00::1", "fd00::ff"),
    ],
)
def test_excluded_addresses_are_read(text: str, first: str, last: str) -> None:
    assert parse_address_range(text) == AddressRange(ip_address(first), ip_address(last))


@pytest.mark.parametrize("value", ["10.1.0.20-10.1.0.10", "10.1.0.1-fd00::1", "10.1.0.1-", "x", 7])
def test_ranges_that_run_nowhere_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="address"):
        parse_address_range(value)


@pytest.mark.parametrize(
    ("text", "overlaps"),
    [("10.1.0.0/24", True), ("10.0.255.255-10.1.0.0", True), ("10.2.0.0", False), ("fd00::1", False)],
)
def test_a_range_knows_whether_it_touches_a_pool(text: str, overlaps: bool) -> None:
    assert parse_address_range(text).overlaps(IPv4Network("10.1.0.0/16")) is overlaps
