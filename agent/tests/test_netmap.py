"""Maps are taken whole or not at all."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from agent.errors import MapRefusedError
from agent.netmap import NetworkMap, read_netmap
from agent.tests.answers import empty_map
from mesh.keys import encode_key, generate_private_key, public_key_of


def key(number: int) -> str:
    return encode_key(public_key_of(generate_private_key(bytes([number]) * 32)))


def peer(number: int, **more: Any) -> dict[str, Any]:
    addresses = [f"10.77.0.{number}/32", f"fd77::{number:x}/128"]
    return {
        "id": number,
        "name": f"peer{number}",
        "key": key(number),
        "user": 1,
        "tags": [],
        "addresses": addresses,
        "allowed_ips": addresses,
        "exit_node": False,
        "endpoints": ["203.0.113.9:51820", "[2001:db8::9]:51820"],
        "home_derp": 3,
        "online": True,
        "last_seen": None,
        "key_expires_at": "2026-09-01T00:00:00Z",
        "capabilities": {},
        **more,
    }


def rule(**more: Any) -> dict[str, Any]:
    return {
        "action": "accept",
        "protocols": [6],
        "sources": ["set:12", "10.33.0.0/16", "*"],
        "destinations": [{"prefix": "self", "ports": [[22, 22]]}],
        **more,
    }


def whole() -> dict[str, Any]:
    return empty_map(
        key(1),
        1,
        peers=[peer(2), peer(3, user=None, tags=["tag:ci"])],
        sets={"12": {"users": [42], "tags": ["tag:ci"], "ids": [[40, 95]], "prefixes": []}, "*": {"prefixes": []}},
        packet_filter=[rule()],
    )


def read(raw: dict[str, Any]) -> NetworkMap:
    return read_netmap(raw, own_key=key(1))


def test_a_whole_map_is_read() -> None:
    netmap = read(whole())
    assert [found.name for found in netmap.peers] == ["peer2", "peer3"]
    assert str(netmap.peers[0].endpoints[1]) == "[2001:db8::9]:51820"
    assert netmap.packet_filter[0].destinations[0].prefix is None


def test_unknown_members_are_passed_over_at_every_level() -> None:
    raw = whole() | {"later": 1}
    raw["node"]["later"] = raw["peers"][0]["later"] = raw["sets"]["12"]["later"] = [1]
    raw["packet_filter"][0]["later"] = raw["packet_filter"][0]["destinations"][0]["later"] = {}
    assert read(raw) == read(whole())


Change = Callable[[dict[str, Any]], Any]
REFUSED: dict[str, Change] = {
    "no node key": lambda m: m.pop("node_key"),
    "another node's key": lambda m: m.update(node_key=key(9)),
    "no version": lambda m: m.pop("version"),
    "a version that is a truth": lambda m: m.update(version=True),
    "a version past 2^53": lambda m: m.update(version=2**53),
    "a negative epoch": lambda m: m.update(epoch=-1),
    "no lease": lambda m: m.update(lease_seconds=0),
    "peers that are no list": lambda m: m.update(peers={}),
    "no filter": lambda m: m.pop("packet_filter"),
    "a domain with a line break": lambda m: m.update(domain="a.ghost\n10.0.0.1 bank.example"),
    "a peer without an id": lambda m: m["peers"][0].pop("id"),
    "a peer with this node's id": lambda m: m["peers"][0].update(id=1),
    "two peers with one id": lambda m: m["peers"][1].update(id=2),
    "two peers with one key": lambda m: m["peers"][1].update(key=key(2)),
    "a peer with this node's key": lambda m: m["peers"][0].update(key=key(1)),
    "two peers with one name": lambda m: m["peers"][1].update(name="peer2"),
    "a name that is no label": lambda m: m["peers"][0].update(name="web web2"),
    "a name in capitals": lambda m: m["peers"][0].update(name="Web"),
    "a low-order key": lambda m: m["peers"][0].update(key="A" * 43 + "="),
    "a second spelling of a key": lambda m: m["peers"][0].update(key=key(2)[:-2] + "9="),
    "an address with another length": lambda m: m["peers"][0].update(addresses=["10.77.0.0/24"]),
    "host bits": lambda m: m["peers"][0].update(allowed_ips=["10.77.0.1/24"]),
    "a default route": lambda m: m["peers"][0].update(allowed_ips=["0.0.0.0/0"]),
    "an IPv6 default route": lambda m: m["peers"][0].update(allowed_ips=["::/0"]),
    "loopback in the mesh": lambda m: m["peers"][0].update(allowed_ips=["127.0.0.0/8"]),
    "link-local in the mesh": lambda m: m["peers"][0].update(allowed_ips=["fe80::/64"]),
    "multicast in the mesh": lambda m: m["peers"][0].update(allowed_ips=["224.0.0.0/4"]),
    "one prefix at two peers": lambda m: m["peers"][1]["allowed_ips"].append("10.77.0.2/32"),
    "this node's address at a peer": lambda m: m["peers"][1]["allowed_ips"].append("10.77.0.1/32"),
    "an endpoint without a port": lambda m: m["peers"][0].update(endpoints=["203.0.113.9"]),
    "an endpoint by name": lambda m: m["peers"][0].update(endpoints=["host.example:1"]),
    "an IPv6 endpoint without brackets": lambda m: m["peers"][0].update(endpoints=["2001:db8::9:51820"]),
    "port 0": lambda m: m["peers"][0].update(endpoints=["203.0.113.9:0"]),
    "an expiry without an offset": lambda m: m["peers"][0].update(key_expires_at="2026-09-01T00:00:00"),
    "online in words": lambda m: m["peers"][0].update(online="yes"),
    "an unknown action": lambda m: m["packet_filter"][0].update(action="log"),
    "no protocols": lambda m: m["packet_filter"][0].update(protocols=[]),
    "protocol 256": lambda m: m["packet_filter"][0].update(protocols=[256]),
    "a source by name": lambda m: m["packet_filter"][0].update(sources=["web"]),
    "a set that is missing": lambda m: m["packet_filter"][0].update(sources=["set:13"]),
    "no set for the star": lambda m: m["sets"].pop("*"),
    "ports the wrong way round": lambda m: m["packet_filter"][0]["destinations"][0].update(ports=[[90, 80]]),
    "port 65536": lambda m: m["packet_filter"][0]["destinations"][0].update(ports=[[0, 65536]]),
    "a destination by name": lambda m: m["packet_filter"][0]["destinations"][0].update(prefix="web"),
    "ids the wrong way round": lambda m: m["sets"]["12"].update(ids=[[9, 1]]),
    "a truth among users": lambda m: m["sets"]["12"].update(users=[True]),
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED.keys())
def test_a_map_with_a_fault_is_refused(change: Change) -> None:
    raw = copy.deepcopy(whole())
    change(raw)
    with pytest.raises(MapRefusedError):
        read(raw)


def test_a_refusal_names_the_member() -> None:
    raw = whole()
    raw["peers"][1]["addresses"] = ["10.77.0.9"]
    raw["peers"][1]["addresses"].append("nonsense")
    with pytest.raises(MapRefusedError) as refusal:
        read(raw)
    assert refusal.value.errors[0].field == "peers.1.addresses.1"


@pytest.mark.parametrize("value", [None, [], "map", 7])
def test_what_is_no_object_is_refused(value: Any) -> None:
    with pytest.raises(MapRefusedError):
        read(value)
