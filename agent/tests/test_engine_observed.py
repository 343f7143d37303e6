"""Where this machine's WireGuard saw peers goes to the portal, and is repeated before the portal forgets it."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address

import pytest

from agent.backend import DeviceConfig, PeerStats
from agent.engine.observed import LASTS_SECONDS, observed_endpoints
from agent.engine.reports import Report, Reports
from agent.netmap import Endpoint, read_netmap
from agent.tests.answers import empty_map
from agent.tests.conftest import FrozenClock, MakeEngine, StillBackend
from agent.tests.portal import FakePortal
from agent.tunnel import Tunnel, TunnelOptions
from mesh.keys import encode_key, generate_private_key, public_key_of

KEYS = [encode_key(public_key_of(generate_private_key(bytes([number]) * 32))) for number in range(1, 41)]


@dataclass(slots=True)
class HeardBackend(StillBackend):
    """A device that heard of its peers what a test says: endpoint and seconds since the handshake, by key."""

    heard: dict[str, tuple[str, float]] = field(default_factory=dict)

    def stats(self) -> list[PeerStats]:
        now = FrozenClock().wall().timestamp()
        found = []
        for key, (text, age) in self.heard.items():
            host, _, port = text.rpartition(":")
            found.append(PeerStats(key, Endpoint(ip_address(host.strip("[]")), int(port)), now - age, 1, 1))
        return found


def seen(heard: dict[int, tuple[str, float]]) -> dict[str, str]:
    """What a tunnel with 40 peers (ids from 2) reports that heard of some of them."""
    private = b"\x63" * 32
    own = encode_key(public_key_of(private))
    clock = FrozenClock()
    raw = empty_map(own, 1)
    raw["peers"] = [
        {
            "id": number,
            "name": f"p{number}",
            "key": KEYS[number - 2],
            "user": 1,
            "tags": [],
            "addresses": [f"10.1.0.{number}/32"],
            "allowed_ips": [f"10.1.0.{number}/32"],
            "exit_node": False,
            "endpoints": [],
            "home_derp": None,
            "online": True,
            "last_seen": None,
            "key_expires_at": None,
            "capabilities": {},
        }
        for number in range(2, 42)
    ]
    backend = HeardBackend(heard={KEYS[number - 2]: what for number, what in heard.items()})
    tunnel = Tunnel(backend, DeviceConfig("gw0", private, 51820), TunnelOptions(False, ""), clock)
    tunnel.open()
    tunnel.apply(read_netmap(raw, own_key=own))
    return observed_endpoints(tunnel, clock.wall().timestamp())


def test_of_peers_with_a_recent_handshake() -> None:
    heard = {2: ("203.0.113.9:40000", 10.0), 3: ("203.0.113.10:1", 181.0), 4: ("[2001:db8::1]:5", 0.0)}
    assert seen(heard) == {"2": "203.0.113.9:40000", "4": "[2001:db8::1]:5"}


@pytest.mark.parametrize("address", ["127.0.0.1:1", "[fe80::1]:1", "[::1]:1", "10.1.0.7:1"])
def test_not_what_nobody_else_can_use(address: str) -> None:
    assert seen({2: (address, 1.0)}) == {}


def test_at_most_32_those_heard_last() -> None:
    found = seen({number: (f"203.0.113.9:{number}", float(number)) for number in range(2, 42)})
    assert list(found) == [str(number) for number in range(2, 34)]


@pytest.mark.parametrize("socket", ["open", "refused"])
async def test_told_once_and_again_before_the_portal_forgets(
    make_engine: MakeEngine, portal: FakePortal, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch, socket: str
) -> None:
    told = {"2": "203.0.113.9:40000"}
    monkeypatch.setattr("agent.engine.core.observed_endpoints", lambda tunnel, wall: dict(told))
    portal.socket = socket
    make_engine()
    calls = ("frame heartbeat", "POST heartbeat")

    def reports() -> list[dict[str, str]]:
        return [
            what["observed_endpoints"]
            for call, what in portal.calls
            if call in calls and what.get("observed_endpoints")
        ]

    async def beats(more: int = 3) -> None:
        until = sum(map(portal.count, calls)) + more
        await portal.until(lambda: sum(map(portal.count, calls)) >= until)

    await beats()
    clock.pass_seconds(LASTS_SECONDS - 1)
    await beats()
    assert reports() == [told]
    clock.pass_seconds(1)
    await beats()
    assert reports() == [told, told]


def test_a_refused_member_does_not_hold_up_the_other() -> None:
    clock = FrozenClock()
    posture = Report("posture", clock, lambda: {"os": "linux"})
    observed = Report("observed_endpoints", clock, lambda: {"2": "203.0.113.9:1"})
    reports = Reports([posture, observed])
    assert set(reports.take()) == {"posture", "observed_endpoints"}
    assert reports.refused(["observed_endpoints.2"], "No.")
    clock.pass_seconds(60)
    assert reports.take() == {"posture": {"os": "linux"}}
    reports.accepted()
    assert not reports.refused(["posture.os"], "No.")


def test_nothing_seen_is_not_told() -> None:
    assert Report("observed_endpoints", FrozenClock(), dict).take() == {}
