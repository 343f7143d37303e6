"""Explaining single flows."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given

from mesh.compile import CompiledPolicy, compile_policy
from mesh.errors import NotFoundError, ValidationError
from mesh.explain import Reason, explain
from mesh.policy import (
    Action,
    Condition,
    ConditionKind,
    NetworkFacts,
    Policy,
    PolicyNode,
    PortRange,
    Rule,
    Schedule,
)
from mesh.policy import selectors as s
from tests.mesh.policy.oracle import Oracle, ends_of
from tests.mesh.policy.profile import thorough
from tests.mesh.policy.strategies import AT, networks, policies

SSH = (PortRange(22, 22),)
WEB = PolicyNode(1, "web", None, frozenset({"tag:web"}), (ip_address("10.1.0.1"), ip_address("fd00::1")))
ANA = PolicyNode(2, "ana", 7, frozenset(), (ip_address("10.1.0.2"), ip_address("fd00::2")), os="linux")
ROUTER = PolicyNode(
    3, "router", None, frozenset({"tag:router"}), (ip_address("10.1.0.3"),), (ip_network("10.9.0.0/24"),)
)
EXIT = PolicyNode(4, "exit", None, frozenset({"tag:exit"}), (ip_address("10.1.0.4"),), (ip_network("0.0.0.0/0"),))
FACTS = NetworkFacts("test.ghost", IPv4Network("10.1.0.0/24"), IPv6Network("fd00::/64"), (WEB, ANA, ROUTER, EXIT))


def rule(position: int, action: Action = Action.ACCEPT, **more: Any) -> Rule:
    members: dict[str, Any] = {"sources": (s.user(7),), "destinations": (s.tag("tag:web"),)} | more
    return Rule(position, position, action, **members)


def compiled(*rules: Rule) -> CompiledPolicy:
    return compile_policy(Policy(rules), FACTS, AT)


@thorough
@given(policies(), networks(max_nodes=4))
def test_the_decision_and_its_rule_equal_the_oracle(policy: Policy, facts: NetworkFacts) -> None:
    engine, oracle = compile_policy(policy, facts, AT), Oracle(policy, facts, AT)
    for sender in facts.nodes:
        for receiver in facts.nodes:
            if sender is receiver:
                continue
            for protocol, port in oracle.flows():
                found = explain(engine, sender.id, receiver.id, protocol=protocol, port=port)
                answers = {(answer.source, answer.destination): answer.accepted for answer in found.answers}
                expected = {
                    (source.address, destination.address): oracle.decide(source, destination, protocol, port)
                    for source in ends_of(sender, destination=False)
                    for destination in ends_of(receiver, destination=True)
                    if source.how == destination.how == "own" and source.address.version == destination.address.version
                }
                assert answers == expected
                for answer in found.answers:
                    places = [item.rule.position for item in answer.passed_over]
                    last = [answer.rule.position] if answer.rule is not None else []
                    assert places + last == [item.position for item in policy.ordered()][: len(places + last)]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"enabled": False}, Reason.DISABLED),
        ({"schedule": Schedule(expires_at=AT)}, Reason.SCHEDULE),
        ({"protocols": (17,)}, Reason.PROTOCOL),
        ({"ports": (PortRange(80, 80),)}, Reason.PORT),
        ({"sources": (s.user(8),)}, Reason.SOURCE),
        ({"conditions": (Condition(ConditionKind.OS_IN, ("windows",)),)}, Reason.CONDITIONS),
        ({"destinations": (s.tag("tag:db"),)}, Reason.DESTINATION),
    ],
)
def test_each_reason_is_told(changed: dict[str, Any], reason: Reason) -> None:
    (first, *_) = explain(compiled(rule(1, **changed)), ANA.id, WEB.id, protocol=6, port=22).answers
    assert [item.reason for item in first.passed_over] == [reason]
    assert first.rule is None
    assert not first.accepted


def test_an_answer_is_given_for_each_family() -> None:
    policy = compiled(rule(1, Action.DENY, destinations=(s.prefix(ip_network("10.1.0.1/32")),)), rule(2))
    found = explain(policy, ANA.id, WEB.id, protocol=6, port=22)
    assert [(answer.destination.version, answer.accepted) for answer in found.answers] == [(4, False), (6, True)]
    assert found.accepted


def test_a_host_behind_a_router_is_reached_through_it() -> None:
    policy = compiled(rule(1, destinations=(s.prefix(ip_network("10.9.0.0/24")),)))
    (answer,) = explain(policy, ANA.id, ip_address("10.9.0.7"), protocol=6, port=22).answers
    assert answer.accepted
    assert answer.through == (ROUTER.id,)


def test_the_internet_is_reached_through_exit_nodes() -> None:
    policy = compiled(rule(1, destinations=(s.INTERNET,)))
    (answer,) = explain(policy, ANA.id, ip_address("8.8.8.8"), protocol=6, port=443).answers
    assert answer.accepted
    assert answer.through == (EXIT.id,)
    (private,) = explain(policy, ANA.id, ip_address("192.168.7.7"), protocol=6, port=443).answers
    assert not private.accepted


def test_an_address_of_a_node_stands_for_the_node() -> None:
    policy = compiled(rule(1))
    (answer,) = explain(policy, ANA.addresses[0], WEB.addresses[0], protocol=6, port=22).answers
    assert answer.accepted


def test_another_instant_can_be_asked_for() -> None:
    later = datetime(2026, 4, 1, tzinfo=UTC)
    policy = compiled(rule(1, schedule=Schedule(not_before=later)))
    assert not explain(policy, ANA.id, WEB.id, protocol=6, port=22).accepted
    assert explain(policy, ANA.id, WEB.id, protocol=6, port=22, at=later).accepted


def test_an_unknown_fact_is_said_to_be_unknown() -> None:
    condition = Condition(ConditionKind.ATTRIBUTE_EQUALS, (True,), "disk")
    (first, *_) = explain(compiled(rule(1, conditions=(condition,))), ANA.id, WEB.id, protocol=6, port=22).answers
    assert "unknown" in first.passed_over[0].detail


def test_without_a_common_family_there_is_no_answer() -> None:
    found = explain(compiled(rule(1)), ip_address("fd00::9"), ROUTER.id, protocol=6, port=22)
    assert found.answers == ()
    assert "family" in found.note


def test_what_cannot_be_asked_is_refused() -> None:
    policy = compiled(rule(1))
    with pytest.raises(ValidationError, match="same node"):
        explain(policy, WEB.id, WEB.id, protocol=6)
    with pytest.raises(NotFoundError):
        explain(policy, 99, WEB.id, protocol=6)
    with pytest.raises(ValidationError):
        explain(policy, ANA.id, WEB.id, protocol=6, port=65_536)
    with pytest.raises(ValidationError):
        explain(policy, ANA.id, WEB.id, protocol=0)
    with pytest.raises(ValidationError, match="time zone"):
        explain(policy, ANA.id, WEB.id, protocol=6, at=datetime(2026, 4, 1))  # noqa: DTZ001
