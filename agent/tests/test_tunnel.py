"""From one map to the next: only what differs, taking before giving, and closed when something fails."""

from __future__ import annotations

import copy
import ipaddress
from typing import Any

import pytest

from agent.backend import DeviceConfig, PeerStats, PeerUpdate
from agent.backend.dry_run import DryRunBackend
from agent.errors import BackendError
from agent.netmap import Endpoint, NetworkMap, read_netmap
from agent.paths import LocalNetworks
from agent.tests.answers import empty_map
from agent.tests.conftest import FrozenClock
from agent.tests.test_netmap import key, peer
from agent.tunnel import Tunnel, TunnelOptions


class Recorder(DryRunBackend):
    """Keeps the calls as they came, and fails on demand."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, Any]] = []
        self.failing: str | None = None
        self.local = LocalNetworks((ipaddress.ip_interface("192.168.1.2/24"),))

    def note(self, what: str, value: Any) -> None:
        if what == self.failing:
            raise BackendError("on demand")
        self.calls.append((what, value))

    def load_filter(self, ruleset: str) -> None:
        self.note("filter", ruleset)

    def update_peers(self, updates: list[PeerUpdate]) -> None:
        self.note("peers", updates)
        super().update_peers(updates)

    def change_addresses(self, *, remove: list[Any], add: list[Any]) -> None:
        self.note("addresses", (list(map(str, remove)), list(map(str, add))))

    def change_routes(self, *, remove: list[Any], add: list[Any]) -> list[Any]:
        self.note("routes", (list(map(str, remove)), list(map(str, add))))
        return []

    def write_hosts(self, path: str, lines: list[str]) -> None:
        self.note("hosts", lines)

    def local_networks(self) -> LocalNetworks:
        return self.local


def netmap(*peers: dict[str, Any], **more: Any) -> NetworkMap:
    raw = empty_map(key(1), 1, peers=list(copy.deepcopy(peers)), **more)
    return read_netmap(raw, own_key=key(1))


@pytest.fixture
def backend() -> Recorder:
    return Recorder()


@pytest.fixture
def tunnel(backend: Recorder, clock: FrozenClock) -> Tunnel:
    made = Tunnel(backend, DeviceConfig("gw0", bytes(32), 51820), TunnelOptions(False, "/etc/hosts"), clock)
    made.open()
    return made


def test_the_filter_stands_before_a_peer_does(tunnel: Tunnel, backend: Recorder) -> None:
    tunnel.apply(netmap(peer(2), packet_filter=[]))
    assert [what for what, _ in backend.calls] == ["addresses", "filter", "peers", "routes", "hosts"]


def test_the_same_map_again_changes_nothing(tunnel: Tunnel, backend: Recorder) -> None:
    tunnel.apply(netmap(peer(2)))
    backend.calls.clear()
    tunnel.apply(netmap(peer(2), version=2))
    assert backend.calls == []


def test_an_endpoint_that_changed_is_one_update_of_one_peer(tunnel: Tunnel, backend: Recorder) -> None:
    tunnel.apply(netmap(peer(2), peer(3)))
    backend.calls.clear()
    tunnel.apply(netmap(peer(2), peer(3, endpoints=["192.168.1.9:7"]), version=2))
    ((what, (update,)),) = backend.calls
    assert (what, update.key, str(update.endpoint), update.allowed_ips) == ("peers", key(3), "192.168.1.9:7", None)


def test_a_prefix_leaves_one_peer_before_another_gets_it(tunnel: Tunnel, backend: Recorder, clock: FrozenClock) -> None:
    wide = Tunnel(backend, DeviceConfig("gw0", bytes(32), 51820), TunnelOptions(True, ""), clock)
    wide.open()
    with_route = [*peer(2)["addresses"], "10.40.0.0/16"]
    wide.apply(netmap(peer(2, allowed_ips=with_route), peer(3)))
    backend.calls.clear()
    wide.apply(netmap(peer(2), peer(3, allowed_ips=[*peer(3)["addresses"], "10.40.0.0/16"]), version=2))
    (_, (taken,)), (_, (given,)) = [call for call in backend.calls if call[0] == "peers"]
    assert (taken.key, given.key) == (key(2), key(3))
    assert "10.40.0.0/16" not in map(str, taken.allowed_ips)
    assert "10.40.0.0/16" in map(str, given.allowed_ips)


def test_a_subnet_behind_a_peer_is_taken_only_where_the_user_accepts_routes(tunnel: Tunnel, backend: Recorder) -> None:
    tunnel.apply(netmap(peer(2, allowed_ips=[*peer(2)["addresses"], "10.40.0.0/16"])))
    assert "10.40.0.0/16" not in str(dict(backend.calls)["routes"])
    assert "10.40.0.0/16" not in {str(p) for update in dict(backend.calls)["peers"] for p in update.allowed_ips}


def test_a_removed_peer_loses_its_routes_first(tunnel: Tunnel, backend: Recorder) -> None:
    tunnel.apply(netmap(peer(2)))
    backend.calls.clear()
    tunnel.apply(netmap(version=2))
    assert backend.calls[0] == ("routes", (["10.77.0.2/32", "fd77::2/128"], []))
    assert backend.calls[1] == ("peers", [PeerUpdate(key(2), remove=True)])


def test_a_peer_past_its_keys_expiry_is_dropped_without_a_map(
    tunnel: Tunnel, backend: Recorder, clock: FrozenClock
) -> None:
    tunnel.apply(netmap(peer(2, key_expires_at="2026-03-01T12:00:10Z")))
    clock.pass_seconds(9)
    backend.calls.clear()
    tunnel.tend()
    assert backend.calls == []
    clock.pass_seconds(1)
    tunnel.tend()
    assert ("peers", [PeerUpdate(key(2), remove=True)]) in backend.calls


@pytest.mark.parametrize("failing", ["addresses", "filter", "peers", "routes", "hosts"])
def test_a_step_that_fails_closes_the_tunnel(tunnel: Tunnel, backend: Recorder, failing: str) -> None:
    backend.failing = failing
    with pytest.raises(BackendError):
        tunnel.apply(netmap(peer(2)))
    assert not backend.is_alive()


def test_what_failed_is_made_whole_later(tunnel: Tunnel, backend: Recorder) -> None:
    backend.failing = "routes"
    with pytest.raises(BackendError):
        tunnel.apply(netmap(peer(2)))
    backend.failing = None
    backend.calls.clear()
    assert tunnel.restore()
    assert [what for what, _ in backend.calls] == ["addresses", "filter", "peers", "routes", "hosts"]


def test_cut_takes_every_peer_and_name_and_lets_nothing_in(tunnel: Tunnel, backend: Recorder) -> None:
    rule = {"action": "accept", "protocols": [6], "sources": ["10.0.0.0/8"]}
    rule |= {"destinations": [{"prefix": "self", "ports": [[22, 22]]}]}
    tunnel.apply(netmap(peer(2), packet_filter=[rule]))
    backend.calls.clear()
    tunnel.cut()
    kept = dict(backend.calls)
    assert kept["peers"] == [PeerUpdate(key(2), remove=True)]
    assert "accept" not in kept["filter"].split("chain rules {")[1].split("}")[0]
    assert kept["hosts"] == []
    assert "addresses" not in kept


def test_close_takes_the_names_before_the_interface(tunnel: Tunnel, backend: Recorder) -> None:
    tunnel.apply(netmap(peer(2)))
    tunnel.close()
    assert backend.calls[-1] == ("hosts", [])
    assert not backend.is_alive()


def test_a_machine_that_moved_looks_for_its_peers_anew(tunnel: Tunnel, backend: Recorder) -> None:
    tunnel.apply(netmap(peer(2, endpoints=["8.8.8.8:1", "192.168.1.9:1"])))
    backend.calls.clear()
    backend.local = LocalNetworks((ipaddress.ip_interface("172.16.0.2/24"),))
    assert tunnel.look_around()
    assert tunnel.endpoints() == ["172.16.0.2:51820"]
    assert str(tunnel.paths.candidates(key(2))[0]) == "8.8.8.8:1"


def test_the_mesh_is_no_way_into_the_mesh(tunnel: Tunnel, backend: Recorder) -> None:
    backend.local = LocalNetworks(tuple(map(ipaddress.ip_interface, ("192.168.1.2/24", "10.77.0.1/16"))))
    tunnel.apply(netmap(peer(2, endpoints=["10.77.0.2:51820", "192.168.1.9:1"])))
    tunnel.look_around()
    assert tunnel.endpoints() == ["192.168.1.2:51820"]
    assert [str(found) for found in tunnel.paths.candidates(key(2))] == ["192.168.1.9:1"]


def test_a_peers_new_key_takes_prefixes_and_path_over_from_the_old_one(
    tunnel: Tunnel, backend: Recorder, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tunnel.apply(netmap(peer(2)))
    called_from = Endpoint(ipaddress.ip_address("198.51.100.7"), 4242)
    link = PeerStats(key(2), called_from, clock.now.timestamp() - 10, 1, 1)
    monkeypatch.setattr(backend, "stats", lambda: [link])
    tunnel.tend()
    backend.calls.clear()
    tunnel.apply(netmap(peer(2) | {"key": key(9)}))
    updates = [update for what, group in backend.calls if what == "peers" for update in group]
    assert updates[0] == PeerUpdate(key(2), remove=True)
    assert {update.key for update in updates[1:]} == {key(9)}
    given = [update.allowed_ips for update in updates if update.allowed_ips is not None]
    assert [sorted(map(str, prefixes)) for prefixes in given] == [sorted(peer(2)["addresses"])]
    assert [update.endpoint for update in updates if update.endpoint][-1] == called_from
    assert [update.keepalive for update in updates[-2:]] == [25, 0]  # switched on: it calls at once


def test_another_private_key_calls_those_whom_packets_flow_to(
    tunnel: Tunnel, backend: Recorder, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tunnel.apply(netmap(peer(2), peer(3)))
    talking = PeerStats(key(2), None, clock.now.timestamp() - 10, 1, 1)
    monkeypatch.setattr(backend, "stats", lambda: [talking, PeerStats(key(3), None, 0.0, 0, 0)])
    tunnel.tend()
    backend.calls.clear()
    tunnel.change_key(bytes(31) + b"\x01")
    assert backend.acts[-3] == "change the private key"
    assert backend.calls == [("peers", [PeerUpdate(key(2), keepalive=25), PeerUpdate(key(2), keepalive=0)])]
    assert tunnel.config.private_key == bytes(31) + b"\x01"


def test_an_interface_that_does_not_take_its_key_is_made_anew_with_it(
    tunnel: Tunnel, backend: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(private_key: bytes) -> None:
        raise BackendError("on demand")

    tunnel.apply(netmap(peer(2)))
    monkeypatch.setattr(backend, "change_key", refuse)
    with pytest.raises(BackendError):
        tunnel.change_key(bytes(31) + b"\x01")
    assert not backend.is_alive()
    assert tunnel.restore()
    assert tunnel.config.private_key == bytes(31) + b"\x01"
    assert [one.key for one in backend.stats()] == [key(2)]
