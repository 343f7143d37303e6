"""Relays with their homes, latencies and health, and DNS with its settings."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from nodes.models import DnsRecord, Network, RelayRegion, RelayServer
from nodes.selectors.latencies import Latency, region_latencies
from tests import factories as make
from tests.portal.pages import page_url, read, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def region(network: Any) -> RelayRegion:
    """Three nodes measured it, two call it home; one of its two servers is dead."""
    found: RelayRegion = make.RelayRegionFactory(network=network, number=1, code="fra", name="Frankfurt")
    make.RelayServerFactory(region=found, name="fra-1", checked_at=timezone.now(), answer_ms=12.4)
    make.RelayServerFactory(region=found, name="fra-2", alive=False, fault="tls", checked_at=timezone.now())
    for number, ms in enumerate((4.0, 10.0, 40.0)):
        make.NodeFactory(
            network=network, name=f"n{number}", relay_latency_ms={"1": ms, "2": 5.0}, home_region=1 if ms < 20 else 2
        )
    return found


def test_the_median_of_what_nodes_measured(region: RelayRegion) -> None:
    assert region_latencies(region.network_id) == {1: Latency(3, 10.0), 2: Latency(3, 5.0)}


def test_the_list_says_how_far_how_well_and_for_whom(client: Client, region: RelayRegion) -> None:
    page = client.get(page_url(RelayRegion, "changelist"))
    said = text_of(page)
    for told in ("1 of 2 alive", "10 ms", "2 nodes", "fra-1", "fra-2"):
        assert told in said, told
    assert page_url(RelayRegion, "change", region.pk) + "#homes" in read(page).hrefs


def test_the_page_names_the_nodes_that_call_it_home(client: Client, region: RelayRegion) -> None:
    said = text_of(client.get(page_url(RelayRegion, "change", region.pk)))
    assert "Calls it home 2 n0 4 ms n1 10 ms" in said
    assert "It does not speak TLS" in said
    assert "answers in 12 ms" in said


def test_a_server_page_says_what_checks_found(client: Client, region: RelayRegion) -> None:
    dead = RelayServer.objects.get(name="fra-2")
    said = text_of(client.get(page_url(RelayServer, "change", dead.pk)))
    assert "Dead: agents are not told of it" in said
    assert "Fault It does not speak TLS" in said


def test_dns_shows_settings_beside_records(client: Client, network: Any) -> None:
    Network.objects.filter(pk=network.pk).update(split_dns={"corp.example": ["10.0.0.53"]}, nameservers=["1.1.1.1"])
    make.DnsRecordFactory(network=network, name="wiki.mycompany.ghost")
    said = text_of(client.get(page_url(DnsRecord, "changelist")))
    for told in ("corp.example 10.0.0.53", "Name servers 1.1.1.1", "wiki.mycompany.ghost", "NAME.mycompany.ghost"):
        assert told in said, told
