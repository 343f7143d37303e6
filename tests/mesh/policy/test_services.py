"""Protocols and ports."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import ValidationError
from mesh.policy import (
    PortRange,
    format_ports,
    format_protocol,
    merge_ports,
    parse_ports,
    parse_protocol,
    services_of,
)
from mesh.policy.services import PROTOCOL_NAMES

RANGES = st.lists(
    st.tuples(st.integers(0, 65_535), st.integers(0, 65_535)).map(lambda pair: PortRange(min(pair), max(pair))),
    min_size=1,
    max_size=5,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*", ()),
        ("22", (PortRange(22, 22),)),
        ("443,80", (PortRange(80, 80), PortRange(443, 443))),
        ("8000-8999", (PortRange(8000, 8999),)),
        (" 80 , 81-90 ", (PortRange(80, 90),)),
        ("0-65535", ()),
        ("1-65535", (PortRange(1, 65_535),)),
        ("0", (PortRange(0, 0),)),
    ],
)
def test_ports_are_read(text: str, expected: tuple[PortRange, ...]) -> None:
    assert parse_ports(text) == expected


@pytest.mark.parametrize("text", ["", "ssh", "65536", "-1", "90-80", "1-", "1,,2", "22:23", "٢٢", "1-2-3", "*,22"])
def test_other_ports_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        parse_ports(text)


def test_there_is_an_end_to_port_ranges() -> None:
    assert len(parse_ports(",".join(str(port) for port in range(0, 512, 2)))) == 256
    with pytest.raises(ValidationError, match="256"):
        parse_ports(",".join(str(port) for port in range(0, 514, 2)))


@given(RANGES)
def test_merging_changes_no_port(ranges: list[PortRange]) -> None:
    merged = merge_ports(ranges) or (PortRange(0, 65_535),)
    edges = {edge for item in ranges for edge in (item.first - 1, item.first, item.last, item.last + 1)}
    for port in edges:
        assert any(r.first <= port <= r.last for r in merged) is any(r.first <= port <= r.last for r in ranges)
    assert all(one.last + 1 < other.first for one, other in pairwise(merged))


@given(RANGES.map(merge_ports))
def test_ports_read_back(ports: tuple[PortRange, ...]) -> None:
    assert parse_ports(format_ports(ports)) == ports


@pytest.mark.parametrize(
    ("text", "number"),
    [("tcp", 6), ("UDP", 17), ("icmp", 1), ("ipv6-icmp", 58), ("sctp", 132), ("gre", 47), ("esp", 50), ("igmp", 2)],
)
def test_protocols_have_names(text: str, number: int) -> None:
    assert parse_protocol(text) == number
    assert parse_protocol(format_protocol(number)) == number
    assert parse_protocol(str(number)) == parse_protocol(number) == number


@pytest.mark.parametrize("text", ["", "http", "0", "256", "-6", "6.0", "٦", 0, 256, True])
def test_other_protocols_are_refused(text: str | int) -> None:
    with pytest.raises(ValidationError):
        parse_protocol(text)


def test_a_protocol_without_a_name_shows_its_number() -> None:
    assert format_protocol(99) == "99"
    assert [format_protocol(number) for number in (1, 2, 4, 6, 17, 58)] == [
        "icmp",
        "igmp",
        "ipv4",
        "tcp",
        "udp",
        "ipv6-icmp",
    ]


SSH, ALL = (PortRange(22, 22),), (PortRange(0, 65_535),)


@pytest.mark.parametrize(
    ("protocols", "ports", "accept", "expected"),
    [
        ((), (), True, {1: ALL, 6: ALL, 17: ALL, 58: ALL}),
        ((), (), False, {1: ALL, 6: ALL, 17: ALL, 58: ALL}),
        ((), SSH, True, {1: ALL, 6: SSH, 17: SSH, 58: ALL}),
        ((), SSH, False, {6: SSH, 17: SSH}),
        ((6,), SSH, True, {6: SSH}),
        ((6,), SSH, False, {6: SSH}),
        ((132, 1), SSH, False, {1: ALL, 132: SSH}),
        ((47,), (), True, {47: ALL}),
    ],
)
def test_what_a_rule_is_about(
    protocols: tuple[int, ...], ports: tuple[PortRange, ...], accept: bool, expected: dict[int, object]
) -> None:
    found = services_of(protocols, ports, accept=accept)
    assert dict(found) == expected
    assert [number for number, _ in found] == sorted(expected)


def test_protocols_have_the_numbers_that_iana_gave_them() -> None:
    assert dict(PROTOCOL_NAMES) == {
        "icmp": 1,
        "igmp": 2,
        "ipv4": 4,
        "ip-in-ip": 4,
        "tcp": 6,
        "egp": 8,
        "igp": 9,
        "udp": 17,
        "gre": 47,
        "esp": 50,
        "ah": 51,
        "ipv6-icmp": 58,
        "sctp": 132,
        "fc": 133,
    }
