from __future__ import annotations

import socket

import pytest
from django.conf import settings

from coordinator.admin_api.serializers.relays import RelayOut
from nodes.models import Change, Network, Node, RelayRegion, RelayServer
from sessions_app.models import User
from tests.cli.conftest import Run
from tests.fixtures import START, Join
from tests.nodes.relay import closed_port


@pytest.fixture
def fra(network: Network) -> RelayRegion:
    region: RelayRegion = RelayRegion.objects.create(network=network, number=3, code="fra", name="Frankfurt")
    RelayServer.objects.create(region=region, name="fra-1", host="r.example")
    return region


def test_a_region_is_made_and_gets_a_server(run: Run, network: Network) -> None:
    made = run("relay", "create", "3", "fra", "Frankfurt", "--json").json
    assert list(made) == list(RelayOut().fields)
    assert (made["number"], made["code"], made["servers"]) == (3, "fra", [])
    words = ("--ipv4", "192.0.2.7", "--port", "444", "--stun-port", "0")
    [server] = run("relay", "add", "fra", "fra-1", "r.example", *words, "--json").json["servers"]
    assert (server["host"], server["ipv4"], server["port"], server["stun_port"]) == ("r.example", "192.0.2.7", 444, 0)
    assert Change.objects.latest("version").facts["network"]["relay_regions"][0]["nodes"][0]["name"] == "fra-1"


def test_show_and_list(run: Run, fra: RelayRegion) -> None:
    assert "fra-1" in run("relay", "show", "3").out
    assert run("relays", "ls", "--json").json == [run("relay", "show", "fra", "--json").json]
    assert run("relay", "show", "4").code == 1


def test_update(run: Run, fra: RelayRegion) -> None:
    after = run("relay", "update", "fra", "--name", "Main", "--number", "4", "--json").json
    assert (after["id"], after["number"], after["name"]) == (fra.pk, 4, "Main")
    assert run("relay", "update", "fra").code == 2


def test_change_a_server(run: Run, fra: RelayRegion) -> None:
    assert run("relay", "change", "fra", "fra-1", "--host", "s.example", "--ipv6", "fd00::7").code == 0
    [server] = run("relay", "change", "fra", "fra-1", "--ipv6", "none", "--json").json["servers"]
    assert (server["host"], server["ipv6"]) == ("s.example", None)
    assert run("relay", "change", "fra", "fra-1").code == 2
    assert run("relay", "change", "fra", "fra-9", "--port", "1").code == 1


def test_drop_a_server_says_if_it_is_the_only_one(run: Run, fra: RelayRegion) -> None:
    assert "the only server of fra" in run("relay", "drop", "fra", "fra-1", answer="n\n").err
    assert run("relay", "drop", "fra", "fra-1", "--json").json["servers"] == []


def test_delete_says_who_is_at_home_there(run: Run, fra: RelayRegion, ana: User, join: Join) -> None:
    node = join(ana, "web").node
    Node.objects.filter(pk=node.pk).update(home_region=3)
    assert "1 node at home there" in run("relay", "delete", "fra", answer="n\n").err
    assert run("relay", "rm", "fra", "--json").json == {"id": fra.pk, "name": "Frankfurt", "deleted": True}
    assert not RelayRegion.objects.exists()
    node.refresh_from_db()
    assert node.home_region is None


def test_relays_of_the_configuration_come_back(run: Run, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = settings.GHOSTWIRE
    given = whole.network.model_copy(update={"relays": ()})
    monkeypatch.setattr(settings, "GHOSTWIRE", whole.model_copy(update={"network": given}))
    assert "network.relays stands in the configuration" in run("relay", "create", "3", "fra", "Frankfurt").err


def test_how_servers_do(run: Run, fra: RelayRegion) -> None:
    assert "not asked yet" in run("relay", "show", "fra").out
    RelayServer.objects.update(alive=False, fault="certificate", failing_since=START, checked_at=START)
    told = run("relay", "show", "fra").out
    assert "dead" in told
    assert "Its certificate is not valid for it" in told
    assert "0 of 1" in run("relay", "list").out
    health = run("relay", "list", "--json").json[0]["servers"][0]["health"]
    assert (health["alive"], health["fault"]) == (False, "certificate")


def test_check_asks_now_and_counts_for_nothing(run: Run, fra: RelayRegion) -> None:
    RelayServer.objects.update(host="127.0.0.1", port=closed_port(socket.SOCK_STREAM), stun_port=0)
    told = run("relay", "check")
    assert "refused" in told.out
    [answer] = run("relay", "check", "fra", "--json").json
    assert (answer["region"], answer["name"], answer["tls_fault"], answer["stun_fault"]) == (
        "fra", "fra-1", "refused", None,
    )  # fmt: skip
    assert RelayServer.objects.get().checked_at is None
