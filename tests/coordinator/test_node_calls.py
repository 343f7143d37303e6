"""The other calls of a node that is in: its map, endpoints, routes, leaving; and what anybody may ask."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import zstandard

from acl.services.rules import create_rule
from coordinator.lifecycle import disable_node, unregister_node
from mesh.change import Cause
from mesh.errors import NotFoundError, PermissionDeniedError
from nodes.models import Address, Change, NameReservation, Network, Node, RetiredKey
from sessions_app.models import User
from tests.agents import Machine
from tests.fixtures import START, Clock, Join

pytestmark = pytest.mark.usefixtures("clock")
ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}


@pytest.fixture
def web(join: Join, ana: User) -> Machine:
    return join(ana, "web")


def test_the_server_says_who_it_is(db: None) -> None:
    body = Machine().call("get", "server").json()
    assert set(body) == {"name", "version", "protocol", "server_time"}
    assert (body["protocol"], body["server_time"]) == (1, "2026-03-02T12:00:00Z")


# --- the map


def test_the_map_has_the_members_of_the_protocol(web: Machine, join: Join, ana: User) -> None:
    join(ana, "peer")
    netmap = web.netmap()
    assert set(netmap) == {
        "epoch",
        "version",
        "lease_seconds",
        "node_key",
        "domain",
        "node",
        "peers",
        "sets",
        "packet_filter",
        "dns",
        "derp_map",
        "user_profiles",
    }
    common = {
        "id",
        "name",
        "key",
        "user",
        "tags",
        "addresses",
        "allowed_ips",
        "exit_node",
        "endpoints",
        "home_derp",
        "online",
        "last_seen",
        "key_expires_at",
        "capabilities",
    }
    assert common <= set(netmap["peers"][0])
    assert common | {"routes"} <= set(netmap["node"])
    assert netmap["node_key"] == web.public_key
    assert netmap["user_profiles"] == {
        str(ana.pk): {"display_name": "ana@example.com", "login_name": "ana@example.com", "picture_url": ""}
    }


def test_an_etag_that_is_known_is_304(web: Machine) -> None:
    first = web.call("get", "netmap")
    etag = first["ETag"]
    assert etag.startswith('W/"')
    for header in (etag, etag.removeprefix("W/"), f'"x", {etag}', "*"):
        response = web.call("get", "netmap", headers={"If-None-Match": header})
        assert (response.status_code, response.content, response["ETag"]) == (304, b"", etag)


@pytest.mark.parametrize("header", ["", '"x"', "nonsense", 'W/"abc'])
def test_another_etag_gets_the_map(web: Machine, header: str) -> None:
    assert web.call("get", "netmap", headers={"If-None-Match": header}).status_code == 200


def test_the_etag_passes_over_the_version(web: Machine, join: Join, ben: User) -> None:
    first = web.call("get", "netmap")
    join(ben, "stranger")
    second = web.call("get", "netmap")
    assert second.json()["version"] > first.json()["version"]
    assert second["ETag"] == first["ETag"]


def test_the_etag_changes_with_the_map(web: Machine, join: Join, ana: User) -> None:
    first = web.call("get", "netmap")["ETag"]
    join(ana, "peer")
    assert web.call("get", "netmap")["ETag"] != first


@pytest.mark.parametrize("header", ["zstd", "gzip, zstd", "ZSTD;q=0.5"])
def test_zstd_for_who_takes_it(web: Machine, header: str) -> None:
    response = web.call("get", "netmap", headers={"Accept-Encoding": header})
    assert (response["Content-Encoding"], response["Vary"]) == ("zstd", "Accept-Encoding")
    assert orjson.loads(zstandard.ZstdDecompressor().decompress(response.content)) == web.netmap()


@pytest.mark.parametrize("header", ["", "gzip", "identity", "zstd;q=0", "zstd;q=0.000", "xzstd"])
def test_none_for_who_does_not(web: Machine, header: str) -> None:
    response = web.call("get", "netmap", headers={"Accept-Encoding": header})
    assert "Content-Encoding" not in response and response.json()


def test_full_maps_are_limited(web: Machine, clock: Clock) -> None:
    assert [web.call("get", "netmap").status_code for _ in range(6)] == [200] * 5 + [429]
    clock.advance(seconds=5)
    assert [web.call("get", "netmap").status_code for _ in range(2)] == [200, 429]


# --- endpoints and routes


def test_endpoints_are_answered_in_normal_form(web: Machine) -> None:
    response = web.call("put", "endpoints", {"endpoints": ["[2001:DB8::1]:2", "203.0.113.9:1", "203.0.113.9:1"]})
    assert (response.status_code, response.json()) == (200, {"endpoints": ["[2001:db8::1]:2", "203.0.113.9:1"]})
    assert web.call("put", "endpoints", {"endpoints": []}).json() == {"endpoints": []}


@pytest.mark.parametrize("body", [{}, {"endpoints": None}, {"endpoints": "x"}, {"endpoints": [1]}, {"endpoints": {}}])
def test_endpoints_are_a_list(web: Machine, body: dict[str, Any]) -> None:
    assert web.call("put", "endpoints", body).status_code == 400


def test_a_refused_endpoint_is_named(web: Machine) -> None:
    response = web.call("put", "endpoints", {"endpoints": ["203.0.113.9:1", "127.0.0.1:1"]})
    assert [item["field"] for item in response.json()["errors"]] == ["endpoints.1"]
    assert web.node.endpoints.count() == 0


def test_routes_are_stored_and_wait_for_approval(web: Machine) -> None:
    response = web.call("put", "routes", {"routes": ["192.168.7.0/24", "::/0", "192.168.7.0/24"]})
    assert response.json() == {"routes": ["::/0", "192.168.7.0/24"]}
    assert web.netmap()["node"]["routes"] == [
        {"prefix": "::/0", "approved": False, "primary": False},
        {"prefix": "192.168.7.0/24", "approved": False, "primary": False},
    ]


def test_the_same_routes_again_are_no_change(web: Machine) -> None:
    web.call("put", "routes", {"routes": ["192.168.7.0/24"]})
    before = Network.objects.get().map_version
    web.call("put", "routes", {"routes": ["192.168.7.0/24"]})
    assert Network.objects.get().map_version == before


def test_a_route_into_the_mesh_is_refused(web: Machine) -> None:
    response = web.call("put", "routes", {"routes": ["192.168.7.0/24", "10.1.0.0/24"]})
    assert response.status_code == 400
    assert [item["field"] for item in response.json()["errors"]] == ["routes.1"]


def test_route_changes_are_limited(web: Machine) -> None:
    assert [web.call("put", "routes", {"routes": []}).status_code for _ in range(7)] == [200] * 6 + [429]


# --- leaving


def test_leaving(web: Machine, join: Join, ana: User) -> None:
    peer = join(ana, "peer")
    node_id = web.node.pk
    assert web.call("delete", "nodes/self").status_code == 204
    assert web.call("get", "netmap").status_code == 401
    assert peer.peer_names() == []
    assert Address.objects.filter(node=None).count() == 2
    assert NameReservation.objects.get().name == "web"
    assert not RetiredKey.objects.exists()
    change = Change.objects.latest("version")
    assert (change.facts["removed"], change.actor) == ([node_id], f"node:{node_id}")


def test_who_was_cut_off_meanwhile_cannot_leave(web: Machine) -> None:
    node = web.node
    disable_node(node_id=node.pk, **ACT)
    with pytest.raises(PermissionDeniedError):
        unregister_node(node_id=node.pk, **ACT)
    assert Node.objects.filter(pk=node.pk).exists()


def test_who_is_denied_something_by_name_cannot_leave(network: Network, web: Machine) -> None:
    fields = {"action": "deny", "sources": ["node:web"], "destinations": ["*"]}
    create_rule(network_id=network.pk, fields=fields, **ACT)
    response = web.call("delete", "nodes/self")
    assert (response.status_code, response.json()["code"]) == (409, "conflict")
    assert web.call("get", "netmap").status_code == 200


def test_a_node_that_is_gone_is_not_found(db: None) -> None:
    with pytest.raises(NotFoundError):
        unregister_node(node_id=1, **ACT)
