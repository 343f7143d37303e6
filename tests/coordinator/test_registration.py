"""Newcomers: what an auth key decides, and what a node gets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from mesh.change import Cause
from nodes.models import Change, Network, Node
from sessions_app.models import AuthKey, AuthKeyUse, NodeSession, User
from sessions_app.services.auth_keys import create_auth_key, revoke_auth_key
from tests.agents import Machine
from tests.factories import NetworkFactory
from tests.fixtures import START, Clock, Join, KeyOf

pytestmark = pytest.mark.usefixtures("clock")


def test_newcomer_gets_node_session_and_map(network: Network, ana: User, key_of: KeyOf) -> None:
    machine = Machine("Web.example.com")
    response = machine.register(key_of(ana))
    assert response.status_code == 201, response.content
    body = response.json()
    assert set(body) == {"node", "session", "network", "map_version"}
    assert set(body["node"]) == {"id", "name", "fqdn", "addresses", "tags", "user", "key_expires_at"}
    assert (body["node"]["name"], body["node"]["fqdn"]) == ("web", "web.mycompany.ghost")
    assert (body["node"]["user"], body["node"]["tags"]) == (ana.pk, [])
    netmap = machine.netmap()
    assert netmap["node"]["addresses"] == body["node"]["addresses"]
    assert netmap["version"] == Network.objects.get().map_version == body["map_version"]


def test_both_families_with_their_full_length(join: Join, ana: User) -> None:
    four, six = join(ana, "web").netmap()["node"]["addresses"]
    assert four == "10.1.0.2/32"
    assert six == "fd01:203:405::2/128"


def test_the_answer_says_how_the_network_ticks(network: Network, ana: User, key_of: KeyOf) -> None:
    assert Machine().register(key_of(ana)).json()["network"] == {
        "name": "default",
        "domain": "mycompany.ghost",
        "heartbeat_seconds": 30,
        "lease_seconds": 43200,
        "epoch": 1,
    }


def test_instants_are_rfc_3339_in_utc(network: Network, ana: User, key_of: KeyOf) -> None:
    body = Machine().register(key_of(ana)).json()
    assert body["session"]["expires_at"] == "2026-03-03T12:00:00Z"
    assert body["node"]["key_expires_at"] == "2026-08-29T12:00:00Z"


def test_own_devices_see_each_other_and_others_do_not(
    network: Network, ana: User, ben: User, key_of: KeyOf, join: Join
) -> None:
    key = key_of(ana, reusable=True)
    first, second = Machine("one"), Machine("two")
    first.register(key)
    second.register(key)
    stranger = join(ben, "three")
    assert (first.peer_names(), second.peer_names(), stranger.peer_names()) == (["two"], ["one"], [])


def test_reported_facts_are_kept(network: Network, ana: User, key_of: KeyOf) -> None:
    facts = {
        "os": "linux",
        "os_version": "Debian 12",
        "agent_version": "0.1.0",
        "listen_port": 51820,
        "posture": {"disk_encrypted": True, "score": 3.5, "kernel": "6.1"},
        "relay_latency_ms": {"3": 12.5},
        "endpoints": ["203.0.113.9:51820", "[2001:DB8::1]:51820"],
        "routes": ["192.168.7.0/24", "0.0.0.0/0"],
    }
    machine = Machine("Web Server")
    assert machine.register(key_of(ana), **facts).status_code == 201
    node = machine.node
    assert (node.hostname, node.name) == ("Web Server", "web-server")
    assert (node.os, node.os_version, node.agent_version, node.listen_port) == ("linux", "Debian 12", "0.1.0", 51820)
    assert node.posture == facts["posture"]
    assert node.relay_latency_ms == {"3": 12.5}
    assert [row.address for row in node.endpoints.all()] == ["203.0.113.9:51820", "[2001:db8::1]:51820"]
    assert {(row.prefix, row.approved) for row in node.routes.all()} == {
        ("192.168.7.0/24", False),
        ("0.0.0.0/0", False),
    }


REFUSED_FACTS: dict[str, list[Any]] = {
    "hostname": ["", " ", "a" * 254, "a\u200bb", 7, None],
    "os": ["a" * 65, 7],
    "listen_port": [0, 65536, "51820", 1.5, True],
    "endpoints": [
        ["127.0.0.1:1"],
        ["[::1]:1"],
        ["169.254.1.1:1"],
        ["[fe80::1]:1"],
        ["224.0.0.1:1"],
        ["0.0.0.0:1"],
        ["10.1.0.2:1"],
        ["[fd01:203:405::2]:1"],
        ["[::ffff:10.1.0.2]:1"],
        ["203.0.113.1:0"],
        ["host.example:1"],
        [f"203.0.113.1:{port}" for port in range(1, 34)],
        "203.0.113.1:1",
    ],
    "routes": [
        ["10.0.0.0/8"],
        ["10.1.2.0/24"],
        ["fd01:203:405:7::/64"],
        ["192.168.1.1/24"],
        ["127.0.0.0/8"],
        ["fe80::/64"],
        ["224.0.0.0/4"],
        ["::ffff:192.168.0.0/112"],
        ["2001:db8::%eth0/32"],
        ["nonsense"],
        [f"192.168.{number}.0/24" for number in range(256)] + ["192.0.2.0/24"],
    ],
    "tags": [["db"], ["tag:"], ["tag:Ä"], ["tag:" + "a" * 64], "tag:db"],
    "posture": [
        {"a": "x" * 257},
        {"": 1},
        {"x" * 257: 1},
        {str(number): 1 for number in range(65)},
        {"a": None},
        {"a": [1]},
        {"a": {"b": 1}},
        [1],
    ],
    "relay_latency_ms": [{"3": -1}, {"3": 60001}, {"x": 1}, {"3": "1"}, {"3": True}, {"-1": 1}],
}


@pytest.mark.parametrize(
    ("member", "value"), [(member, value) for member, values in REFUSED_FACTS.items() for value in values]
)
def test_facts_that_are_refused(network: Network, ana: User, key_of: KeyOf, member: str, value: object) -> None:
    response = Machine().register(key_of(ana), **{member: value})
    assert response.status_code == 400, response.content
    assert response.json()["errors"][0]["field"].split(".")[0] == member
    assert not Node.objects.exists()


def test_what_is_refused_costs_no_use_of_the_key(network: Network, ana: User, key_of: KeyOf) -> None:
    key = key_of(ana)
    assert Machine().register(key, routes=["10.1.2.0/24"]).status_code == 400
    assert Machine().register(key).status_code == 201


# --- the auth key


def test_a_one_off_key_lets_one_machine_in(network: Network, ana: User, key_of: KeyOf) -> None:
    key = key_of(ana)
    assert Machine().register(key).status_code == 201
    assert Machine().register(key).status_code == 401
    assert AuthKey.objects.get().uses == 1


def test_a_reusable_key_lets_any_number_in(network: Network, ana: User, key_of: KeyOf) -> None:
    key = key_of(ana, reusable=True)
    assert [Machine().register(key).status_code for _ in range(4)] == [201] * 4
    assert AuthKey.objects.get().uses == 4


def test_max_uses(network: Network, ana: User, key_of: KeyOf) -> None:
    key = key_of(ana, reusable=True, max_uses=2)
    assert [Machine().register(key).status_code for _ in range(3)] == [201, 201, 401]


def test_an_expired_key(network: Network, ana: User, key_of: KeyOf, clock: Clock) -> None:
    key = key_of(ana, reusable=True, expires_at=START + timedelta(hours=1))
    clock.advance(minutes=59)
    assert Machine().register(key).status_code == 201
    clock.advance(minutes=1)
    assert Machine().register(key).status_code == 401


def test_a_revoked_key(network: Network, ana: User, key_of: KeyOf) -> None:
    key = key_of(ana, reusable=True)
    revoke_auth_key(auth_key_id=AuthKey.objects.get().pk, cause=Cause.command(), now=START)
    assert Machine().register(key).status_code == 401


def test_the_key_decides_the_network(network: Network, ana: User) -> None:
    other = NetworkFactory(name="other", ipv4_range="10.9.0.0/24", ipv6_range=None)
    created = create_auth_key(
        network_id=other.pk, owner_id=ana.pk, now=START, random32=b"r" * 32, cause=Cause.command()
    )
    machine = Machine()
    body = machine.register(created.secret).json()
    assert (body["network"]["name"], body["node"]["addresses"]) == ("other", ["10.9.0.2/32"])
    assert machine.node.network_id == other.pk


def test_an_ephemeral_key_makes_ephemeral_nodes(network: Network, ana: User, key_of: KeyOf) -> None:
    machine = Machine()
    machine.register(key_of(ana, ephemeral=True))
    assert machine.node.ephemeral


def test_the_use_is_noted(network: Network, ana: User, key_of: KeyOf) -> None:
    machine = Machine()
    machine.register(key_of(ana))
    use = AuthKeyUse.objects.get()
    assert (use.node, use.auth_key.last_used_at) == (machine.node, START)


# --- what is written down


def test_a_registration_is_one_change_with_its_cause(network: Network, ana: User, key_of: KeyOf) -> None:
    before = Network.objects.get().map_version
    machine = Machine(origin="203.0.113.77")
    raw_id = "request-0815"
    key = key_of(ana)
    machine.client.defaults["HTTP_X_REQUEST_ID"] = raw_id
    assert machine.register(key).status_code == 201
    (change,) = Change.objects.filter(version__gt=before)
    assert (change.version, change.kind) == (before + 1, "nodes")
    assert (change.actor, change.origin, change.request_id) == (f"node:{machine.node.pk}", "203.0.113.77", raw_id)
    assert change.created_at == START
    (fact,) = change.facts["nodes"]
    assert (fact["id"], fact["name"], fact["key"]) == (machine.node.pk, "web", machine.public_key)


@pytest.mark.parametrize("request_id", ["short", "a" * 65, "with blanks in it", "gwk_\n12345678"])
def test_an_odd_request_id_is_replaced(network: Network, ana: User, key_of: KeyOf, request_id: str) -> None:
    machine = Machine()
    machine.client.defaults["HTTP_X_REQUEST_ID"] = request_id
    machine.register(key_of(ana))
    stored = Change.objects.latest("version").request_id
    assert len(stored) == 16 and stored != request_id


def test_the_session_knows_where_it_was_issued_to(network: Network, ana: User, key_of: KeyOf) -> None:
    machine = Machine(origin="203.0.113.77")
    machine.register(key_of(ana))
    assert NodeSession.objects.get().origin == "203.0.113.77"


def test_no_token_is_stored_in_clear(network: Network, ana: User, key_of: KeyOf) -> None:
    key = key_of(ana)
    machine = Machine()
    machine.register(key)
    assert machine.token is not None
    for model in (AuthKey, NodeSession, Change):
        for row in model.objects.values():
            for value in row.values():
                text = bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value)
                for secret in (key, machine.token, key[4:], machine.token[4:]):
                    assert secret not in text and secret.encode().hex() not in text
