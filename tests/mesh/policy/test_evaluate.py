"""Evaluating policies without a database."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from mesh.compile import compile_policy, expanded_filter
from mesh.errors import ValidationError
from mesh.policy import NetworkFacts, Policy
from mesh.policy.evaluate import evaluate, evaluate_line
from tests.mesh.policy.agent import Agent
from tests.mesh.policy.oracle import Oracle, ends_of
from tests.mesh.policy.profile import thorough
from tests.mesh.policy.strategies import AT, networks, policies

NETWORK: dict[str, Any] = {
    "domain": "test.ghost",
    "ipv4_range": "10.1.0.0/24",
    "ipv6_range": "fd00::/64",
    "users": [{"name": "ana", "login": "ana@example.com"}, {"name": "bob", "login": "bob@example.com"}],
    "nodes": [
        {"name": "laptop", "user": "ana@example.com", "tags": [], "addresses": ["10.1.0.1", "fd00::1"]},
        {"name": "phone", "user": "ana@example.com", "tags": [], "addresses": ["10.1.0.2"], "os": "android"},
        {"name": "db", "user": None, "tags": ["tag:db"], "addresses": ["10.1.0.3"]},
        {
            "name": "gate",
            "user": None,
            "tags": ["tag:gate"],
            "addresses": ["10.1.0.4"],
            "advertised_routes": ["10.9.0.0/24", "0.0.0.0/0", "192.168.0.0/24"],
            "approved_routes": ["192.168.0.0/24"],
        },
    ],
}


def acl(src: list[str], dst: list[str], **more: Any) -> dict[str, Any]:
    return {"acls": [{"action": "accept", "src": src, "dst": dst}]} | more


def test_each_node_gets_its_peers_and_its_filter_written_out() -> None:
    result = evaluate(acl(["user:ana"], ["tag:db:5432"]), NETWORK, AT)
    assert result["warnings"] == []
    assert result["nodes"]["laptop"] == {"peers": ["db"], "packet_filter": []}
    assert result["nodes"]["db"]["peers"] == ["laptop", "phone"]
    assert result["nodes"]["db"]["packet_filter"] == [
        {
            "action": "accept",
            "protocols": [1, 6, 17, 58],
            "sources": ["10.1.0.1/32", "10.1.0.2/32", "fd00::1/128"],
            "destinations": [{"prefix": "10.1.0.3/32", "ports": [[5432, 5432]]}],
        }
    ]
    assert result["nodes"]["gate"] == {"peers": [], "packet_filter": []}


def test_a_star_is_every_address_of_the_network_and_its_approved_routes() -> None:
    result = evaluate(acl(["*"], ["tag:db:22"]), NETWORK, AT)
    (rule,) = result["nodes"]["db"]["packet_filter"]
    assert rule["sources"] == ["10.1.0.0/24", "192.168.0.0/24", "fd00::/64"]


def test_own_devices_are_written_out_with_the_node_itself() -> None:
    result = evaluate(acl(["autogroup:member"], ["autogroup:self:*"]), NETWORK, AT)
    assert result["nodes"]["phone"]["peers"] == ["laptop"]
    (rule,) = result["nodes"]["phone"]["packet_filter"]
    assert rule["sources"] == ["10.1.0.1/32", "10.1.0.2/32", "fd00::1/128"]


def test_routes_that_auto_approvers_grant_count_as_approved() -> None:
    policy = acl(["user:ana"], ["10.9.0.0/24:443", "autogroup:internet:443"])
    assert evaluate(policy, NETWORK, AT)["nodes"]["laptop"]["peers"] == []
    granted = policy | {"autoApprovers": {"routes": {"10.0.0.0/8": ["tag:gate"], "0.0.0.0/0": ["tag:gate"]}}}
    result = evaluate(granted, NETWORK, AT)["nodes"]["gate"]
    assert result["peers"] == ["laptop", "phone"]
    assert [item["prefix"] for rule in result["packet_filter"] for item in rule["destinations"]] == ["10.9.0.0/24"]
    exits = policy | {"autoApprovers": {"exitNode": ["tag:gate"]}}
    (rule,) = evaluate(exits, NETWORK, AT)["nodes"]["gate"]["packet_filter"]
    assert "8.0.0.0/7" in [item["prefix"] for item in rule["destinations"]]


def test_denials_keep_their_place() -> None:
    policy = {
        "acls": [
            {"action": "deny", "src": ["user:ana"], "dst": ["tag:db:22"]},
            {"action": "accept", "src": ["*"], "dst": ["tag:db:*"]},
        ]
    }
    rules = evaluate(policy, NETWORK, AT)["nodes"]["db"]["packet_filter"]
    assert [(rule["action"], rule["protocols"]) for rule in rules] == [("deny", [6, 17]), ("accept", [1, 6, 17, 58])]


def test_conditions_look_at_what_the_file_says() -> None:
    policy = acl(["*"], ["tag:db:22"])
    policy["acls"][0]["ghostwire"] = {"conditions": [{"os": ["android"]}]}
    assert evaluate(policy, NETWORK, AT)["nodes"]["db"]["peers"] == ["phone"]


def test_a_document_may_come_as_text() -> None:
    text = '{ // everything\n "acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"],},],}'
    assert len(evaluate(text, NETWORK, AT)["nodes"]["db"]["peers"]) == 3
    with pytest.raises(ValidationError, match="line 1, column 2"):
        evaluate('{"aclz": []}', NETWORK, AT)


def test_of_a_document_as_values_faults_are_told_by_path() -> None:
    with pytest.raises(ValidationError) as caught:
        evaluate(acl(["tag:none"], ["*:*"]), NETWORK, AT)
    assert caught.value.detail == "acls.0.src.0: there is no tag “none”"


def test_a_line_names_the_places_in_a_policy_that_came_as_text() -> None:
    text = '{"acls": [],\n "acls": []}'
    [fault] = evaluate_line(json.dumps({"policy": text, "network": NETWORK}), AT)["error"]["errors"]
    assert (fault["field"], fault["line"], fault["column"]) == ("", 2, 2)
    [fault] = evaluate_line(json.dumps({"policy": acl(["tag:none"], ["*:*"]), "network": NETWORK}), AT)["error"][
        "errors"
    ]
    assert fault == {"field": "acls.0.src.0", "message": "there is no tag “none”"}


def test_what_no_document_holds_is_refused_as_values_too() -> None:
    with pytest.raises(ValidationError) as caught:
        evaluate({"hosts": 10**16}, NETWORK, AT)
    assert caught.value.detail == "a number has at most 15 digits"


def test_a_line_answers_with_its_id() -> None:
    line = json.dumps({"id": "one", "policy": acl(["*"], ["*:*"]), "network": NETWORK, "expect": "passed over"})
    assert evaluate_line(line, AT)["id"] == "one"
    assert set(evaluate_line(line, AT)) == {"id", "nodes", "warnings"}
    json.dumps(evaluate_line(line, AT))


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ("", "not JSON"),
        ("[1]", "object"),
        ('{"id": 7, "network": {}}', "policy is missing"),
        ('{"id": 7, "policy": {}}', "network is missing"),
        ('{"id": 7, "policy": [], "network": {}}', "policy is a document"),
        ('{"id": 7, "policy": {"x": 1}, "network": {}}', "unknown key “x”"),
        ('{"id": 7, "policy": {}, "policy": {}, "network": {}}', "“policy” is there twice"),
        ('{"id": 7, "policy": {"acls": [], "acls": []}, "network": {}}', "“acls” is there twice"),
        ('{"id": 7, "policy": {}, "network": []}', "network: an object"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_line_that_is_refused_answers_with_an_error(line: str, detail: str) -> None:
    result = evaluate_line(line, AT)
    assert result["error"]["code"] == "validation"
    assert detail in result["error"]["detail"]
    assert "nodes" not in result


@pytest.mark.parametrize(
    ("member", "value", "path"),
    [
        ("users", [{"name": "x"}], "network.users.0.login"),
        ("users", [{"login": "a@b"}, {"login": "a@b"}], "network.users"),
        ("users", {}, "network.users"),
        ("nodes", [{"addresses": []}], "network.nodes.0.name"),
        ("nodes", [{"name": "a"}, {"name": "a"}], "network.nodes"),
        ("nodes", [1], "network.nodes.0"),
        ("nodes", [{"name": "a", "user": "eve@example.com"}], "network.nodes.0.user"),
        ("nodes", [{"name": "a", "tags": ["db"]}], "network.nodes.0.tags"),
        ("nodes", [{"name": "a", "tags": "tag:db"}], "network.nodes.0.tags"),
        ("nodes", [{"name": "a", "addresses": ["x"]}], "network.nodes.0.addresses"),
        ("nodes", [{"name": "a", "approved_routes": ["10.0.0.1/8"]}], "network.nodes.0.approved_routes"),
        ("nodes", [{"name": "a", "posture": {"a": [1]}}], "network.nodes.0.posture"),
        ("ipv4_range", "fd00::/64", "network.ipv4_range"),
        ("ipv6_range", "x", "network.ipv6_range"),
        ("domain", 5, "network.domain"),
    ],
)
def test_a_network_that_is_refused_says_where(member: str, value: object, path: str) -> None:
    with pytest.raises(ValidationError) as caught:
        evaluate(acl(["*"], ["*:*"]), NETWORK | {member: value}, AT)
    assert caught.value.errors[0].field == path


def test_a_node_with_tags_is_not_its_users_any_more() -> None:
    network = NETWORK | {"nodes": [NETWORK["nodes"][0], NETWORK["nodes"][2] | {"user": "ana@example.com"}]}
    result = evaluate(acl(["autogroup:member"], ["autogroup:self:*"]), network, AT)
    assert result["nodes"]["laptop"]["peers"] == []


@thorough
@given(policies(), networks())
def test_the_expanded_form_lets_through_what_agents_do(policy: Policy, facts: NetworkFacts) -> None:
    compiled, oracle = compile_policy(policy, facts, AT), Oracle(policy, facts, AT)
    for receiver in facts.nodes:
        agent, expanded = Agent(compiled, receiver), Agent(compiled, receiver)
        expanded.filter = expanded_filter(compiled, receiver.id)
        for sender in facts.nodes:
            if sender is receiver:
                continue
            for source in ends_of(sender, destination=False):
                for destination in ends_of(receiver, destination=True):
                    if source.address.version != destination.address.version:
                        continue
                    for flow in oracle.flows():
                        ends = source.address, destination.address
                        assert expanded.lets_in(*ends, *flow) is agent.lets_in(*ends, *flow)
