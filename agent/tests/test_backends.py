"""What WireGuard is told, and what it answers: the UAPI's text and the kernel's netlink messages."""

from __future__ import annotations

import base64
import ipaddress
from typing import Any

import pytest
from pyroute2.netlink.generic.wireguard import wgmsg

from agent.backend import PeerUpdate
from agent.backend.kernel import ALLOWED_IPS_A_MESSAGE, decode_stats, peer_messages
from agent.backend.uapi import decode_stats as decode_uapi
from agent.backend.uapi import encode_device, encode_updates
from agent.netmap.values import parse_endpoint
from agent.tests.test_netmap import key

NET = ipaddress.ip_network


def hexed(number: int) -> str:
    return base64.b64decode(key(number)).hex()


def test_uapi_device() -> None:
    assert encode_device(bytes(31) + b"\x01", 51820) == (
        f"private_key={'00' * 31}01\nlisten_port=51820\nreplace_peers=true\n"
    )


def test_uapi_updates_in_order() -> None:
    updates = [
        PeerUpdate(key(2), remove=True),
        PeerUpdate(key(3), allowed_ips=frozenset({NET("10.0.0.3/32"), NET("fd77::3/128")})),
        PeerUpdate(key(4), endpoint=parse_endpoint("[2001:db8::1]:9"), keepalive=25),
    ]
    assert encode_updates(updates).splitlines() == [
        f"public_key={hexed(2)}",
        "remove=true",
        f"public_key={hexed(3)}",
        "replace_allowed_ips=true",
        "allowed_ip=10.0.0.3/32",
        "allowed_ip=fd77::3/128",
        f"public_key={hexed(4)}",
        "endpoint=[2001:db8::1]:9",
        "persistent_keepalive_interval=25",
    ]


def test_uapi_an_empty_list_of_prefixes_takes_all_away() -> None:
    assert encode_updates([PeerUpdate(key(2), allowed_ips=frozenset())]).splitlines()[1:] == [
        "replace_allowed_ips=true"
    ]


def test_uapi_answer() -> None:
    answer = (
        "private_key=00\nlisten_port=51820\n"
        f"public_key={hexed(2)}\nendpoint=192.0.2.9:7\nlast_handshake_time_sec=100\nlast_handshake_time_nsec=500000000\n"
        "tx_bytes=5\nrx_bytes=6\nallowed_ip=10.0.0.2/32\n"
        f"public_key={hexed(3)}\nlast_handshake_time_sec=0\nlast_handshake_time_nsec=0\ntx_bytes=0\nrx_bytes=0\n"
    )
    first, second = decode_uapi(answer)
    assert (first.key, str(first.endpoint), first.handshake, first.tx, first.rx) == (
        key(2),
        "192.0.2.9:7",
        100.5,
        5,
        6,
    )
    assert (second.key, second.endpoint, second.handshake) == (key(3), None, 0)


def test_uapi_answer_without_peers() -> None:
    assert decode_uapi("listen_port=51820\n") == []


def through_netlink(messages: list[dict[str, Any]]) -> list[Any]:
    """Encode as pyroute2 sends it, and read the bytes again as the kernel would."""
    from pyroute2.netlink.generic.wireguard import AsyncWireGuard

    read: list[Any] = []
    for message in messages:
        out = wgmsg()
        out["attrs"].append(["WGDEVICE_A_IFNAME", "gw0"])
        AsyncWireGuard._wg_set_peer(AsyncWireGuard.__new__(AsyncWireGuard), out, message)
        out.encode()
        back = wgmsg(bytes(out.data))
        back.decode()
        read.append(back.get("WGDEVICE_A_PEERS")[0])
    return read


def test_kernel_update_reaches_the_wire() -> None:
    update = PeerUpdate(
        key(2),
        allowed_ips=frozenset({NET("10.0.0.2/32"), NET("fd77::2/128")}),
        endpoint=parse_endpoint("192.0.2.9:51820"),
        keepalive=25,
    )
    (peer,) = through_netlink(peer_messages(update))
    assert peer.get("WGPEER_A_PUBLIC_KEY").decode() == key(2)
    assert peer.get("WGPEER_A_FLAGS") == 2  # WGPEER_F_REPLACE_ALLOWEDIPS
    assert peer.get("WGPEER_A_ENDPOINT")["addr"] == "192.0.2.9"
    assert peer.get("WGPEER_A_ENDPOINT")["port"] == 51820
    assert peer.get("WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL") == 25
    assert [item["addr"] for item in peer.get("WGPEER_A_ALLOWEDIPS")] == ["10.0.0.2/32", "fd77::2/128"]


def test_kernel_removal_reaches_the_wire() -> None:
    (peer,) = through_netlink(peer_messages(PeerUpdate(key(2), remove=True)))
    assert peer.get("WGPEER_A_FLAGS") == 1  # WGPEER_F_REMOVE_ME


def test_kernel_an_update_of_the_path_leaves_the_prefixes() -> None:
    (peer,) = through_netlink(peer_messages(PeerUpdate(key(2), endpoint=parse_endpoint("[2001:db8::1]:9"))))
    assert peer.get("WGPEER_A_FLAGS") == 0
    assert peer.get("WGPEER_A_ALLOWEDIPS") is None
    assert peer.get("WGPEER_A_ENDPOINT")["addr"] == "2001:db8::1"


def test_kernel_thousands_of_prefixes_go_in_several_messages_and_only_the_first_replaces() -> None:
    many = frozenset(NET(f"10.{n >> 8}.{n & 255}.0/24") for n in range(2 * ALLOWED_IPS_A_MESSAGE + 1))
    peers = through_netlink(peer_messages(PeerUpdate(key(2), allowed_ips=many)))
    assert [len(peer.get("WGPEER_A_ALLOWEDIPS")) for peer in peers] == [1000, 1000, 1]
    assert [peer.get("WGPEER_A_FLAGS") for peer in peers] == [2, 0, 0]


def test_kernel_taking_the_last_prefix_away() -> None:
    (peer,) = through_netlink(peer_messages(PeerUpdate(key(2), allowed_ips=frozenset())))
    assert peer.get("WGPEER_A_FLAGS") == 2


def test_kernel_answer_split_over_messages_names_a_peer_once() -> None:
    class Answer(dict[str, Any]):
        def get(self, name: str, default: Any = None) -> Any:
            return super().get(name, default)

    peer = Answer(
        WGPEER_A_PUBLIC_KEY=key(2).encode(),
        WGPEER_A_ENDPOINT={"addr": "2001:db8::1", "port": 9},
        WGPEER_A_LAST_HANDSHAKE_TIME={"tv_sec": 100, "tv_nsec": 0},
        WGPEER_A_RX_BYTES=6,
        WGPEER_A_TX_BYTES=5,
    )
    rest = Answer(WGPEER_A_PUBLIC_KEY=key(2).encode())
    (stats,) = decode_stats([Answer(WGDEVICE_A_PEERS=[peer]), Answer(WGDEVICE_A_PEERS=[rest])])
    assert (stats.key, str(stats.endpoint), stats.handshake, stats.rx, stats.tx) == (
        key(2),
        "[2001:db8::1]:9",
        100.0,
        6,
        5,
    )


@pytest.mark.parametrize("answer", [[], [{}]])
def test_kernel_answer_without_peers(answer: list[Any]) -> None:
    assert decode_stats(answer) == []
