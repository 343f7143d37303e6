"""Endpoints: what is read, what is refused, and what they count as."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.endpoints import MAX_ENDPOINTS, Endpoint, Kind, parse_endpoint, parse_endpoints
from mesh.errors import ValidationError

MESH = (ip_network("10.1.0.0/16"), ip_network("fd00:1:2::/48"))


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("203.0.113.9:51820", "203.0.113.9:51820"),
        ("203.0.113.9:1", "203.0.113.9:1"),
        ("203.0.113.9:65535", "203.0.113.9:65535"),
        ("203.0.113.9:00080", "203.0.113.9:80"),
        ("[2001:DB8:0:0::9]:51820", "[2001:db8::9]:51820"),
        ("[::ffff:203.0.113.9]:51820", "203.0.113.9:51820"),
        ("[::ffff:cb00:7109]:51820", "203.0.113.9:51820"),
        ("[64:ff9b::203.0.113.9]:51820", "[64:ff9b::cb00:7109]:51820"),
    ],
)
def test_an_endpoint_has_a_normal_form(text: str, normal: str) -> None:
    assert str(parse_endpoint(text)) == normal


def test_an_endpoint_is_address_and_port() -> None:
    assert parse_endpoint("203.0.113.9:51820") == Endpoint(IPv4Address("203.0.113.9"), 51820)
    assert parse_endpoint("[2001:db8::9]:1") == Endpoint(IPv6Address("2001:db8::9"), 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "203.0.113.9",
        "203.0.113.9:",
        ":51820",
        "203.0.113.9:0",
        "203.0.113.9:65536",
        "203.0.113.9:99999",
        "203.0.113.9:-1",
        "203.0.113.9:+1",
        "203.0.113.9:٣",
        "203.0.113.9:51820 ",
        " 203.0.113.9:51820",
        "203.0.113.9:51820\n",
        "203.0.113:51820",
        "203.0.113.009:51820",
        "203.0.113.256:51820",
        "0xcb.0.113.9:51820",
        "3405803785:51820",
        "[203.0.113.9]:51820",
        "2001:db8::9:51820",
        "2001:db8::9",
        "[2001:db8::9]",
        "[2001:db8::9]51820",
        "[2001:db8::9:51820",
        "[2001:db8::9%eth0]:51820",
        "[2001:db8:::9]:51820",
        "[]:51820",
        "portal.example:51820",
        "203.0.113.9:51820,203.0.113.8:51820",
        "\ud800:1",
    ],
)
def test_what_is_not_written_as_an_endpoint_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        parse_endpoint(text)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("[::]", "unspecified"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.255", "loopback"),
        ("[::1]", "loopback"),
        ("169.254.0.1", "link-local"),
        ("169.254.169.254", "link-local"),
        ("[fe80::1]", "link-local"),
        ("[febf::1]", "link-local"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.255", "multicast"),
        ("[ff02::1]", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "broadcast"),
        ("10.1.0.0", "mesh"),
        ("10.1.255.255", "mesh"),
        ("[fd00:1:2::5]", "mesh"),
        # the same ones in disguise
        ("[::ffff:127.0.0.1]", "loopback"),
        ("[::ffff:0.0.0.0]", "unspecified"),
        ("[::ffff:169.254.169.254]", "link-local"),
        ("[::ffff:224.0.0.1]", "multicast"),
        ("[::ffff:10.1.0.5]", "mesh"),
        ("[::127.0.0.1]", "loopback"),
        ("[64:ff9b::127.0.0.1]", "loopback"),
        ("[64:ff9b::10.1.0.5]", "mesh"),
        ("[2002:7f00:1::]", "loopback"),
        ("[2002:a9fe:a9fe::1]", "link-local"),
        ("[2002:e000:1::]", "multicast"),
        ("[2002:0a01:5::]", "mesh"),
    ],
)
def test_an_address_that_no_peer_can_send_to_is_refused(address: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        parse_endpoint(f"{address}:51820", mesh_ranges=MESH)


@pytest.mark.parametrize("text", ["10.0.255.255:1", "10.2.0.0:1", "[fd00:1:3::1]:1", "[fec0::1]:1", "[fe00::1]:1"])
def test_neighbours_of_refused_ranges_are_taken(text: str) -> None:
    assert str(parse_endpoint(text, mesh_ranges=MESH)) == text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("10.0.0.1:1", Kind.LOCAL),
        ("172.16.0.1:1", Kind.LOCAL),
        ("172.31.255.255:1", Kind.LOCAL),
        ("192.168.1.1:1", Kind.LOCAL),
        ("100.64.0.1:1", Kind.LOCAL),
        ("100.127.255.255:1", Kind.LOCAL),
        ("192.0.0.4:1", Kind.LOCAL),
        ("198.18.0.1:1", Kind.LOCAL),
        ("[fc00::1]:1", Kind.LOCAL),
        ("[fdff::1]:1", Kind.LOCAL),
        ("[fec0::1]:1", Kind.LOCAL),
        ("[::ffff:192.168.1.1]:1", Kind.LOCAL),
        ("[64:ff9b::192.168.1.1]:1", Kind.LOCAL),
        ("[2002:c0a8:101::1]:1", Kind.LOCAL),
        ("172.15.255.255:1", Kind.PUBLIC),
        ("172.32.0.1:1", Kind.PUBLIC),
        ("100.63.255.255:1", Kind.PUBLIC),
        ("100.128.0.1:1", Kind.PUBLIC),
        ("192.0.1.1:1", Kind.PUBLIC),
        ("203.0.113.9:1", Kind.PUBLIC),
        ("8.8.8.8:1", Kind.PUBLIC),
        ("[2001:db8::9]:1", Kind.PUBLIC),
        ("[2a00::1]:1", Kind.PUBLIC),
        ("[64:ff9b::8.8.8.8]:1", Kind.PUBLIC),
        ("[2002:808:808::1]:1", Kind.PUBLIC),
    ],
)
def test_kinds(text: str, kind: Kind) -> None:
    assert parse_endpoint(text).kind is kind


def test_endpoints_keep_their_order_and_lose_their_doubles() -> None:
    written = ["[2001:db8::9]:1", "192.168.1.5:1", "[2001:DB8::0:9]:1", "203.0.113.9:1", "[::ffff:192.168.1.5]:1"]
    assert [str(endpoint) for endpoint in parse_endpoints(written)] == [
        "[2001:db8::9]:1",
        "192.168.1.5:1",
        "203.0.113.9:1",
    ]


def test_another_port_is_another_endpoint() -> None:
    assert len(parse_endpoints(["203.0.113.9:1", "203.0.113.9:2"])) == 2


def test_there_may_be_none() -> None:
    assert parse_endpoints([]) == ()


def test_each_endpoint_at_fault_is_named() -> None:
    with pytest.raises(ValidationError) as caught:
        parse_endpoints(["203.0.113.9:1", "web:1", "10.1.0.7:1"], mesh_ranges=MESH)
    assert [error.field for error in caught.value.errors] == ["endpoints.1", "endpoints.2"]


def test_the_field_can_have_another_name() -> None:
    with pytest.raises(ValidationError) as caught:
        parse_endpoints(["web:1"], field="observed")
    assert caught.value.errors[0].field == "observed.0"


def test_32_are_taken_and_33_are_not() -> None:
    written = [f"203.0.113.9:{port}" for port in range(1, MAX_ENDPOINTS + 2)]
    assert len(parse_endpoints(written[:-1])) == 32
    with pytest.raises(ValidationError, match="Too many"):
        parse_endpoints(written)


@given(st.ip_addresses(), st.integers(1, 65535))
def test_an_endpoint_is_refused_or_read_back_from_its_normal_form(
    address: IPv4Address | IPv6Address, port: int
) -> None:
    text = str(Endpoint(address, port))
    try:
        endpoint = parse_endpoint(text)
    except ValidationError:
        return
    assert parse_endpoint(str(endpoint)) == endpoint
    assert str(endpoint) == text or (address.version == 6 and address.ipv4_mapped is not None)


@given(st.ip_addresses(), st.integers(1, 65535))
def test_no_address_of_a_mesh_is_ever_taken(address: IPv4Address | IPv6Address, port: int) -> None:
    with pytest.raises(ValidationError):
        parse_endpoint(str(Endpoint(address, port)), mesh_ranges=[ip_network("0.0.0.0/0"), ip_network("::/0")])


@given(st.text(max_size=40) | st.text("0123456789abcdef:.[]%", max_size=40))
def test_any_text_is_an_endpoint_or_refused(text: str) -> None:
    try:
        endpoint = parse_endpoint(text)
    except ValidationError:
        return
    assert len(str(endpoint)) <= 47
