"""Questions about a policy over the API."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import transaction
from django.utils import timezone

from acl.models import AclRule
from acl.services.hosts import save_host
from acl.services.rules import create_rule
from coordinator.replica import REPLICAS, current_state
from mesh.change import Cause
from mesh.policy import Policy
from nodes.models import Network
from tests.coordinator.policy_calls import Caller, caller
from tests.coordinator.policy_networks import build_network, put
from tests.mesh.policy.agent import Agent

ANY = {"action": "accept", "sources": ["*"], "destinations": ["*"]}


@pytest.fixture
def small(network: Network) -> Network:
    """Five nodes, and no rule."""
    build_network(network)
    with transaction.atomic():
        put(network, Policy())
    REPLICAS.clear()
    return network


@pytest.fixture
def call(small: Network) -> Caller:
    return caller("network_admin")


def rule(network: Network, **fields: Any) -> AclRule:
    return create_rule(network_id=network.pk, fields=ANY | fields, cause=Cause.command(), now=timezone.now())


def explain(call: Caller, source: str, destination: str, port: int | None = 22, **query: Any) -> Any:
    query |= {"source": source, "destination": destination} | ({} if port is None else {"port": port})
    return call("get", f"policy/explain?{urlencode(query)}")


def test_the_deciding_rule_and_those_before_it_are_named(call: Caller, small: Network) -> None:
    off = rule(small, enabled=False, name="off")
    web = rule(small, ports=["80"], name="web")
    ssh = rule(small, ports=["22"], sources=["node:n1"], name="ssh")
    response = explain(call, "n1", "n2")
    assert response.status_code == 200, response.content
    body = response.json()
    assert body["accepted"] is True
    answer = body["answers"][0]
    assert answer["rule"] == {"id": ssh.pk, "position": 3, "label": "“ssh”", "action": "accept"}
    assert [(item["rule"]["id"], item["reason"]) for item in answer["passed_over"]] == [
        (off.pk, "disabled"),
        (web.pk, "port"),
    ]
    assert answer["through"] == ["n2"]


def test_there_is_an_answer_for_each_address_family(call: Caller, small: Network) -> None:
    rule(small, destinations=["10.1.0.0/28"])
    answers = explain(call, "n1", "n2").json()["answers"]
    assert {(item["source"], item["accepted"]) for item in answers} == {("10.1.0.1", True), ("fd00::1", False)}


def test_no_rule_is_a_denial(call: Caller) -> None:
    answer = explain(call, "n1", "n2").json()["answers"][0]
    assert (answer["accepted"], answer["rule"]) == (False, None)


@pytest.mark.parametrize("end", ["n2", "node:n2", "10.1.0.2", "2"])
def test_an_end_is_named_in_many_ways(call: Caller, small: Network, end: str) -> None:
    rule(small, destinations=["node:n2"])
    assert explain(call, "n1", end).json()["accepted"] is True


def test_an_end_behind_a_router_is_reached_through_it(call: Caller, small: Network) -> None:
    save_host(network_id=small.pk, name="nas", prefix="10.9.0.1", cause=Cause.command(), now=timezone.now())
    rule(small, destinations=["host:nas"])
    for end in ("10.9.0.1", "host:nas", "nas"):
        body = explain(call, "n1", end).json()
        assert body["accepted"] is True
        assert body["answers"][0]["through"] == ["n2"]


def test_a_schedule_is_asked_for_another_time(call: Caller, small: Network) -> None:
    rule(small, schedule={"weekdays": ["sun"], "timezone": "UTC"})
    assert explain(call, "n1", "n2", at="2026-11-22T12:00:00Z").json()["accepted"] is True
    assert explain(call, "n1", "n2", at="2026-11-23T12:00:00Z").json()["accepted"] is False


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ({"source": "nobody", "destination": "n2", "port": 22}, 404, None),
        ({"source": "n1", "destination": "n1", "port": 22}, 400, None),
        ({"source": "n1", "destination": "n2"}, 400, "port"),
        ({"source": "n1", "destination": "n2", "protocol": "smtp", "port": 22}, 400, "protocol"),
        ({"source": "n1", "destination": "n2", "port": 70000}, 400, "port"),
        ({"source": "n1", "destination": "n2", "port": 22, "at": "noon"}, 400, "at"),
        ({"source": "n1", "port": 22}, 400, "destination"),
    ],
)
def test_what_cannot_be_asked(call: Caller, query: dict[str, Any], status: int, field: str | None) -> None:
    response = call("get", f"policy/explain?{urlencode(query)}")
    assert response.status_code == status
    if field is not None:
        assert [item["field"] for item in response.json()["errors"]] == [field]


def test_ping_needs_no_port(call: Caller, small: Network) -> None:
    rule(small)
    assert explain(call, "n1", "n2", None, protocol="icmp").json()["accepted"] is True


def test_what_is_explained_is_what_filters_enforce(call: Caller, small: Network) -> None:
    rule(small, action="deny", sources=["node:n3"], destinations=["tag:a"], ports=["22"])
    rule(small, sources=["autogroup:member"], destinations=["tag:a"], ports=["20-30"], protocols=["tcp"])
    rule(small, sources=["tag:a"], destinations=["node:n1"], protocols=["icmp"])
    compiled = current_state(small.pk).policy
    nodes = {node.name: node for node in compiled.world.nodes.values()}
    for sender in nodes.values():
        for receiver in nodes.values():
            for protocol, port in (("tcp", 22), ("tcp", 25), ("udp", 22), ("icmp", None)):
                if sender is receiver:
                    continue
                said = explain(call, sender.name, receiver.name, port, protocol=protocol).json()
                number = {"tcp": 6, "udp": 17, "icmp": 1}[protocol]
                for answer in said["answers"]:
                    source, destination = (
                        next(item for item in node.addresses if str(item) == answer[side])
                        for side, node in (("source", sender), ("destination", receiver))
                    )
                    enforced = Agent(compiled, receiver).lets_in(source, destination, number, port or 0)
                    assert enforced is answer["accepted"], (sender.name, receiver.name, protocol, port)


def preview(call: Caller, *edits: dict[str, Any], **members: Any) -> Any:
    return call("post", "policy/preview", {"edits": list(edits)} | members)


def test_a_preview_counts_and_names_what_would_change(call: Caller, small: Network) -> None:
    response = preview(call, {"do": "create", "fields": ANY | {"sources": ["node:n1"], "name": "all"}})
    assert response.status_code == 200, response.content
    body = response.json()
    assert (body["gained"], body["lost"], body["touched"], body["nodes"]) == (4, 0, 5, 5)
    assert body["gained_by"] == [{"position": 1, "rule": "“all”", "source": "node:n1", "destination": "*", "pairs": 4}]
    assert sorted(body["first_gained"]) == [["n1", "n2"], ["n1", "n3"], ["n1", "n4"], ["n1", "n5"]]
    assert not AclRule.objects.filter(network=small).exists()


def test_as_many_pairs_are_listed_as_asked_for(call: Caller) -> None:
    body = preview(call, {"do": "create", "fields": ANY}, limit=3).json()
    assert (body["gained"], len(body["first_gained"])) == (10, 3)


def test_deletion_and_change_are_previewed(call: Caller, small: Network) -> None:
    first = rule(small, sources=["node:n1"], destinations=["node:n2"], name="first")
    second = rule(small, sources=["node:n3"], destinations=["node:n4"])
    body = preview(
        call,
        {"do": "delete", "id": first.pk},
        {"do": "update", "id": second.pk, "fields": {"destinations": ["node:n5"]}},
    ).json()
    assert (body["gained"], body["lost"]) == (1, 2)
    assert {item["rule"] for item in body["lost_by"]} == {"“first”", "rule 2"}


def test_a_whole_document_is_previewed(call: Caller) -> None:
    text = '// all\n{"acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"]}]}'
    assert call("post", "policy/preview", {"document": text}).json()["gained"] == 10


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "edits"),
        ({"edits": [], "document": "{}"}, "edits"),
        ({"edits": [{"do": "create", "id": 1}]}, "edits.0.id"),
        ({"edits": [{"do": "delete"}]}, "edits.0.id"),
        ({"edits": [{"do": "paint", "id": 1}]}, "edits.0.do"),
        ({"edits": [{"do": "create", "fields": ANY | {"sources": ["node:x"]}}]}, "edits.0.sources.0"),
        ({"edits": [{"do": "create", "fields": {"colour": "red"}}]}, "edits.0.fields.colour"),
    ],
)
def test_what_cannot_be_previewed(call: Caller, body: Any, field: str) -> None:
    response = call("post", "policy/preview", body)
    assert response.status_code == 400
    assert [item["field"] for item in response.json()["errors"]] == [field]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("role", "status"), [("auditor", 200), ("support", 404), ("member", 404)])
def test_who_may_ask(role: str, status: int) -> None:
    call = caller(role)
    assert explain(call, "n1", "n2").status_code == status
    assert preview(call, {"do": "create", "fields": ANY}).status_code == status
