"""A network as a file describes it."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

import pytest

from mesh.errors import ValidationError
from mesh.policy import PolicyNode, PolicyUser
from mesh.policy.network_file import read_network

NETWORK: dict[str, Any] = {
    "domain": "test.ghost",
    "ipv4_range": "10.1.0.0/24",
    "ipv6_range": "fd00::/64",
    "users": [{"name": "ana", "login": "ana@example.com"}, {"login": "bob@example.com"}],
    "nodes": [
        {
            "name": "laptop",
            "user": "bob@example.com",
            "addresses": ["10.1.0.1", "fd00::1/128"],
            "advertised_routes": ["10.9.0.0/24"],
            "approved_routes": ["10.8.0.0/24"],
            "os": "linux",
            "agent_version": "1.2",
            "posture": {"disk": True},
        },
        {"name": "db", "user": "ana@example.com", "tags": ["tag:db"], "addresses": ["10.1.0.2/32"]},
    ],
}


def test_everything_that_is_said_is_read() -> None:
    found = read_network(NETWORK)
    assert found.facts.domain == "test.ghost"
    assert found.facts.ranges == (IPv4Network("10.1.0.0/24"), IPv6Network("fd00::/64"))
    assert found.facts.users == (PolicyUser(1, "ana@example.com", "ana"), PolicyUser(2, "bob@example.com"))
    laptop, db = found.facts.nodes
    assert laptop == PolicyNode(
        1,
        "laptop",
        2,
        frozenset(),
        (ip_address("10.1.0.1"), ip_address("fd00::1")),
        (ip_network("10.8.0.0/24"),),
        "linux",
        "1.2",
        (("disk", True),),
    )
    assert db == PolicyNode(2, "db", None, frozenset({"tag:db"}), (ip_address("10.1.0.2"),))
    assert found.advertised == {1: (ip_network("10.9.0.0/24"),), 2: ()}


def test_names_lead_to_users_nodes_and_tags() -> None:
    names = read_network(NETWORK).names()
    assert names.users == {"ana@example.com": 1, "bob@example.com": 2, "ana": 1}
    assert names.nodes == {"laptop": 1, "db": 2}
    assert names.tags == {"tag:db"}


def test_little_needs_to_be_said() -> None:
    found = read_network({}).facts
    assert (found.domain, found.ranges, found.nodes, found.users) == ("", (), (), ())


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"domain": 5}, "network.domain"),
        ({"ipv4_range": "fd00::/64"}, "network.ipv4_range"),
        ({"ipv6_range": "10.0.0.0/8"}, "network.ipv6_range"),
        ({"ipv4_range": "10.0.0.1/8"}, "network.ipv4_range"),
        ({"users": {}}, "network.users"),
        ({"users": [5]}, "network.users.0"),
        ({"users": [{"login": ""}]}, "network.users.0.login"),
        ({"users": [{"login": "a"}, {"login": "a"}], "nodes": []}, "network.users"),
        ({"nodes": [{"name": "a"}, {"name": "a"}]}, "network.nodes"),
        ({"nodes": [{}]}, "network.nodes.0.name"),
        ({"nodes": [{"name": "a", "user": "nobody"}]}, "network.nodes.0.user"),
        ({"nodes": [{"name": "a", "tags": ["db"]}]}, "network.nodes.0.tags"),
        ({"nodes": [{"name": "a", "tags": "tag:db"}]}, "network.nodes.0.tags"),
        ({"nodes": [{"name": "a", "tags": ["tag:db", 5]}]}, "network.nodes.0.tags"),
        ({"nodes": [{"name": "a", "addresses": ["10.1.0.0/24"]}]}, "network.nodes.0.addresses"),
        ({"nodes": [{"name": "a", "approved_routes": ["x"]}]}, "network.nodes.0.approved_routes"),
        ({"nodes": [{"name": "a", "posture": {"disk": ["x"]}}]}, "network.nodes.0.posture"),
        ({"nodes": [{"name": "a", "posture": {"disk": 1, "n": None}}]}, "network.nodes.0.posture"),
    ],
)
def test_the_member_at_fault_is_named(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read_network(NETWORK | changed)
    assert caught.value.errors[0].field == field
