"""What the keys of ``network`` and ``server`` do. Those of the other sections are tested where their readers are:
``test_databases``, ``test_logs``, ``test_settings``, ``tests/coordinator/test_limits`` and ``test_registration``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from coordinator.networks import ensure_network
from ghostwire_site.asgi import application
from ghostwire_site.config.load import Loaded
from nodes.models import DnsRecord, Network, RelayRegion

pytestmark = pytest.mark.django_db
Build = Callable[..., Loaded]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
RELAYS = "[{id: 3, code: fra, name: Frankfurt, servers: [{name: fra-1, host: r.example, port: 444}]}]"
RECORDS = "[{name: nas.mycompany.ghost, type: A, value: 192.0.2.7}]"

SETTINGS = {
    "name: office": ("name", "office"),
    "domain: corp.ghost": ("domain", "corp.ghost"),
    "ipv4_range: 10.9.0.0/20": ("ipv4_range", "10.9.0.0/20"),
    "ipv6_range: 'fd12:3456:789a::/48'": ("ipv6_range", "fd12:3456:789a::/48"),
    "ipv6_range: null": ("ipv6_range", None),
    "exclude: [10.1.0.9]": ("excluded", ["10.1.0.9"]),
    "keepalive_interval: 10s": ("keepalive_seconds", 10),
    "grace_period: 5s": ("grace_seconds", 5),
    "lease: 1h": ("lease_seconds", 3600),
    "quarantine: 2d": ("quarantine_seconds", 2 * 86400),
    "max_peers: 7": ("max_peers", 7),
    "key_rotation: 7d": ("key_rotation_seconds", 7 * 86400),
    "key_rotation: 0s": ("key_rotation_seconds", 0),
    "key_rotation: null": ("key_rotation_seconds", 0),
    "dns: {magic_dns: false}": ("magic_dns", False),
    "dns: {nameservers: [9.9.9.9]}": ("nameservers", ["9.9.9.9"]),
    "dns: {split: {corp.example: [10.0.0.53]}}": ("split_dns", {"corp.example": ["10.0.0.53"]}),
    "dns: {search_domains: [corp.example]}": ("search_domains", ["corp.example"]),
}


def start(loaded: Loaded) -> Network:
    """Do to the network what a start of the server does."""
    network = ensure_network(config=loaded.config, now=NOW, random5=bytes(range(5)))
    return Network.objects.get(pk=network.pk)


@pytest.mark.parametrize("text", SETTINGS)
def test_a_new_network_is_as_the_file_says(build_config: Build, text: str) -> None:
    field, expected = SETTINGS[text]

    assert getattr(start(build_config(f"network: {{{text}}}")), field) == expected


@pytest.mark.parametrize("text", [text for text in SETTINGS if not text.startswith(("name", "ipv4", "ipv6", "domain"))])
def test_a_key_that_is_given_wins_at_every_start(build_config: Build, text: str) -> None:
    field, expected = SETTINGS[text]
    start(build_config())

    assert getattr(start(build_config(f"network: {{{text}}}")), field) == expected


def test_keys_that_are_not_given_leave_the_portals_settings_alone(build_config: Build) -> None:
    network = start(build_config())
    Network.objects.filter(pk=network.pk).update(max_peers=77)

    assert start(build_config("network: {grace_period: 5s}")).max_peers == 77


def test_without_a_key_the_network_gets_an_ipv6_range_of_its_own_once(build_config: Build) -> None:
    first = start(build_config()).ipv6_range
    again = ensure_network(config=build_config().config, now=NOW, random5=b"other").ipv6_range

    assert first is not None
    assert first.startswith("fd00:102:304")
    assert again == first


def test_relays_come_from_the_file(build_config: Build) -> None:
    start(build_config(f"network: {{relays: {RELAYS}}}"))
    region = RelayRegion.objects.get()
    server = region.servers.get()

    assert (region.number, region.code, region.name) == (3, "fra", "Frankfurt")
    assert (server.name, server.host, server.port, server.stun_port) == ("fra-1", "r.example", 444, 3478)


def test_records_come_from_the_file(build_config: Build) -> None:
    start(build_config(f"network: {{dns: {{records: {RECORDS}}}}}"))
    record = DnsRecord.objects.get()

    assert (record.name, record.type, record.value) == ("nas.mycompany.ghost", "A", "192.0.2.7")


def test_a_server_tells_its_name(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    server = settings.GHOSTWIRE.server.model_copy(update={"name": "Berlin"})
    monkeypatch.setattr(settings, "GHOSTWIRE", settings.GHOSTWIRE.model_copy(update={"server": server}))

    assert client.get("/api/v1/server").json()["name"] == "Berlin"


def test_the_application_trusts_the_configured_proxies() -> None:
    behind_the_metrics: Any = application.app

    assert behind_the_metrics.trusted == settings.GHOSTWIRE.server.trusted_proxies
