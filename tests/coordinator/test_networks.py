"""The configuration's network: made once, and kept as the keys that are given say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError

from acl.models import AclRule
from coordinator import networks
from coordinator.networks import ensure_network
from ghostwire_site.config import load
from mesh.change import Cause
from mesh.errors import ConflictError
from nodes.models import Change, DnsRecord, Network, Node, RelayRegion, RelayServer
from nodes.services.addresses import allocate_addresses
from nodes.services.dns import save_record
from nodes.services.network import update_network
from tests.factories import NodeFactory
from tests.fixtures import START

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}
RELAYS = """
  relays:
    - {id: 3, code: fra, name: Frankfurt, servers: [{name: fra1, host: fra1.example.com}]}
    - {id: 4, code: ams, name: Amsterdam, servers: [{name: ams1, host: ams1.example.com, ipv4: 192.0.2.4}]}
"""


def config(tmp_path: Path, text: str) -> Any:
    """The configuration of a file whose section ``network`` is ``text``."""
    path = tmp_path / "ghostwire.yaml"
    path.write_text(f"server: {{data_dir: {tmp_path}}}\nnetwork:\n{text}\n")
    return load({"GHOSTWIRE_CONFIG": str(path)}).config


def ensure(tmp_path: Path, text: str, random5: bytes = b"\1\2\3\4\5") -> Network:
    return ensure_network(config=config(tmp_path, text), now=START, random5=random5)


def test_made_at_the_first_start(tmp_path: Path) -> None:
    network = ensure(tmp_path, "  name: mesh\n  domain: mesh.example\n  ipv4_range: 10.7.0.0/16")
    network = Network.objects.get(pk=network.pk)
    assert (network.name, network.domain, network.ipv4_range) == ("mesh", "mesh.example", "10.7.0.0/16")
    assert network.ipv6_range == "fd01:203:405::/48"
    change = Change.objects.get()
    assert (change.version, change.kind, change.actor) == (network.map_version, "network", "system:configuration")


def test_has_exactly_one_rule(tmp_path: Path) -> None:
    network = ensure(tmp_path, "  name: mesh")
    rule = AclRule.objects.get(network=network)
    assert (rule.action, rule.sources, rule.destinations) == ("accept", ["autogroup:member"], ["autogroup:self"])
    assert (rule.protocols, rule.ports, rule.enabled) == ([], [], True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("null", None), ("fd7a:115c:a1e0::/48", "fd7a:115c:a1e0::/48"), ("random", "fd01:203:405::/48")],
)
def test_the_ipv6_range(tmp_path: Path, text: str, expected: str | None) -> None:
    assert ensure(tmp_path, f"  ipv6_range: {text}").ipv6_range == expected


def test_the_second_start_changes_nothing(tmp_path: Path) -> None:
    text = "  domain: mesh.example\n  lease: 6h" + RELAYS + "  dns: {records: [{name: p.example, value: 192.0.2.1}]}"
    before = ensure(tmp_path, text).map_version
    again = ensure(tmp_path, text, random5=b"\6\7\1\2\3")
    assert (again.map_version, again.ipv6_range) == (before, "fd01:203:405::/48")
    assert Change.objects.count() == 1


def test_given_keys_win_over_the_portal_and_others_stay(tmp_path: Path) -> None:
    network = ensure(tmp_path, "  lease: 6h")
    changes = {"lease_seconds": 7200, "keepalive_seconds": 11, "nameservers": ["9.9.9.9"]}
    update_network(network_id=network.pk, changes=changes, **ACT)
    network = ensure(tmp_path, "  lease: 6h")
    assert (network.lease_seconds, network.keepalive_seconds) == (21600, 11)
    assert network.nameservers == ["9.9.9.9"]


def test_one_key_of_dns_leaves_the_others(tmp_path: Path) -> None:
    network = ensure(tmp_path, "  dns: {nameservers: [9.9.9.9]}")
    update_network(network_id=network.pk, changes={"search_domains": ["corp.example"]}, **ACT)
    save_record(network_id=network.pk, name="p.example", type="A", value="192.0.2.1", **ACT)
    network = ensure(tmp_path, "  dns: {nameservers: [1.1.1.1]}")
    assert (network.nameservers, network.search_domains) == (["1.1.1.1"], ["corp.example"])
    assert DnsRecord.objects.count() == 1


def test_records_that_are_given_are_the_records(tmp_path: Path) -> None:
    network = ensure(tmp_path, "  dns: {records: [{name: p.example, value: 192.0.2.1}]}")
    save_record(network_id=network.pk, name="q.example", type="A", value="192.0.2.2", **ACT)
    ensure(tmp_path, "  dns: {records: [{name: p.example, value: 192.0.2.1}]}")
    assert [row.name for row in DnsRecord.objects.all()] == ["p.example"]
    ensure(tmp_path, "  dns: {records: []}")
    assert not DnsRecord.objects.exists()


def test_a_record_with_the_name_of_a_node(tmp_path: Path) -> None:
    network = ensure(tmp_path, "  domain: mesh.example")
    NodeFactory(network=network, name="web")
    with pytest.raises(ConflictError):
        ensure(tmp_path, "  dns: {records: [{name: web.mesh.example, value: 192.0.2.1}]}")


def test_relays_are_those_of_the_file(tmp_path: Path) -> None:
    ensure(tmp_path, RELAYS)
    assert list(RelayRegion.objects.values_list("number", "code")) == [(3, "fra"), (4, "ams")]
    ensure(tmp_path, "  relays: [{id: 4, code: ams, name: Amsterdam, servers: [{name: a, host: a.example.com}]}]")
    (region,) = RelayRegion.objects.all()
    assert (region.number, [server.host for server in region.servers.all()]) == (4, ["a.example.com"])


def test_nodes_of_a_region_that_is_gone_find_another_home(tmp_path: Path) -> None:
    network = ensure(tmp_path, RELAYS)
    at_home = NodeFactory(network=network, home_region=3, relay_latency_ms={"3": 5, "4": 20})
    nowhere = NodeFactory(network=network, home_region=3, relay_latency_ms={"3": 5})
    ensure(tmp_path, "  relays: [{id: 4, code: ams, name: Amsterdam, servers: [{name: a, host: a.example.com}]}]")
    homes = dict(Node.objects.values_list("pk", "home_region"))
    assert homes == {at_home.pk: 4, nowhere.pk: None}
    change = Change.objects.latest("version")
    homes_told = {home["region"]: home["nodes"] for home in change.facts["homes"]}
    assert (change.kind, homes_told) == ("network", {4: [at_home.pk], None: [nowhere.pk]})


def test_a_dead_relay_stays_out_of_maps_when_another_is_configured(tmp_path: Path) -> None:
    server = "{name: a, host: a.example.com}"
    ensure(tmp_path, f"  relays: [{{id: 4, code: ams, name: Amsterdam, servers: [{server}]}}]")
    RelayServer.objects.update(alive=False, failures=3, fault="silent")
    ensure(
        tmp_path,
        f"  relays: [{{id: 4, code: ams, name: Amsterdam, servers: [{server}, {{name: b, host: b.example.com}}]}}]",
    )
    assert dict(RelayServer.objects.values_list("name", "alive")) == {"a": False, "b": True}
    ensure(tmp_path, "  relays: [{id: 4, code: ams, name: Amsterdam, servers: [{name: a, host: other.example.com}]}]")
    assert RelayServer.objects.get().alive


@pytest.mark.parametrize("key", ["ipv4_range: 10.8.0.0/16", "ipv6_range: fd00:1::/48", "ipv6_range: null"])
def test_a_range_in_use_does_not_change(tmp_path: Path, key: str) -> None:
    network = ensure(tmp_path, "  name: default")
    node = NodeFactory(network=network)
    allocate_addresses(network=network, node=node, now=START)
    before = Network.objects.values().get()
    with pytest.raises(ConflictError, match="in use"):
        ensure(tmp_path, f"  {key}")
    assert Network.objects.values().get() == before


def test_a_range_nobody_used_changes(tmp_path: Path) -> None:
    ensure(tmp_path, "  name: default")
    assert ensure(tmp_path, "  ipv4_range: 10.8.0.0/16").ipv4_range == "10.8.0.0/16"


def test_a_domain_of_another_network(tmp_path: Path) -> None:
    ensure(tmp_path, "  domain: mesh.example")
    with pytest.raises(ConflictError):
        ensure(tmp_path, "  name: second\n  domain: mesh.example")


def test_workers_that_start_at_once_make_one_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create = networks._create

    def too_late(*args: Any) -> Network:
        create(*args)
        raise IntegrityError("somebody was faster")

    monkeypatch.setattr(networks, "_create", too_late)
    network = ensure(tmp_path, "  name: mesh")
    assert Network.objects.get().pk == network.pk


def test_another_integrity_error_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> Network:
        raise IntegrityError("something else")

    monkeypatch.setattr(networks, "_create", fail)
    with pytest.raises(IntegrityError):
        ensure(tmp_path, "  name: mesh")
