"""Node attributes of one policy, asked for many nodes: the same as asked one by one."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, ip_address, ip_network

import pytest

from mesh.compile import compile_policy
from mesh.compile.attributes import Attributes, attributes_of
from mesh.policy import Group, Host, NetworkFacts, NodeAttribute, Policy, PolicyNode
from mesh.policy import selectors as s
from tests.mesh.policy.strategies import AT

NODES = (
    PolicyNode(1, "db", None, frozenset({"tag:db"}), (ip_address("10.1.0.1"),)),
    PolicyNode(2, "ana", 7, addresses=(ip_address("10.1.0.2"), ip_address("fd00::2"))),
    PolicyNode(3, "bob", 8, addresses=(ip_address("10.1.0.3"),)),
    PolicyNode(4, "nobodys", None, addresses=(ip_address("10.1.0.4"),)),
    PolicyNode(5, "ana2", 7, addresses=(ip_address("10.1.0.5"),)),
)
POLICY = Policy(
    groups=(Group("ops", frozenset({8})),),
    hosts=(Host("low", ip_network("10.1.0.2/31")),),
    node_attributes=(
        NodeAttribute((s.tag("tag:db"), s.group("ops")), ("z", "a")),
        NodeAttribute((s.host("low"), s.host("gone")), ("low",)),
        NodeAttribute((s.prefix(ip_network("fd00::/64")),), ("six",)),
        NodeAttribute((s.node(5), s.node(1)), ("named",)),
        NodeAttribute((s.node(5),), ("again",)),
        NodeAttribute((s.MEMBER,), ("member",)),
    ),
)
EXPECTED = {
    1: ("a", "named", "z"),
    2: ("low", "member", "six"),
    3: ("a", "low", "member", "z"),
    4: ("member",),
    5: ("again", "member", "named"),
}


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.name)
def test_each_node_has_what_its_targets_give(node: PolicyNode) -> None:
    compiled = compile_policy(POLICY, NetworkFacts("t", IPv4Network("10.1.0.0/24"), None, NODES), AT)
    attributes = Attributes(POLICY)
    assert attributes.of(node) == attributes.of(node) == EXPECTED[node.id]
    assert attributes_of(compiled, node.id) == EXPECTED[node.id]


def test_all_are_asked_of_one_and_the_same() -> None:
    attributes = Attributes(POLICY)
    assert {node.id: attributes.of(node) for node in NODES} == EXPECTED


def test_who_takes_no_part_has_none() -> None:
    assert Attributes(POLICY).of(None) == ()
    assert Attributes(Policy()).of(NODES[0]) == ()


@pytest.mark.parametrize("target", [s.ANY, s.node(1), s.prefix(ip_network("10.0.0.0/8")), s.host("low")])
def test_any_kind_of_target_makes_attributes(target: s.Selector) -> None:
    assert Attributes(replace(POLICY, node_attributes=(NodeAttribute((target,), ("x",)),)))


def test_without_targets_there_are_none() -> None:
    assert not Attributes(Policy())
    assert not Attributes(replace(POLICY, node_attributes=()))


def test_they_serve_policies_that_give_the_same() -> None:
    attributes = Attributes(POLICY)
    assert attributes.serve(replace(POLICY, exit_approvers=(s.ANY,)))
    assert not attributes.serve(replace(POLICY, groups=()))
    assert not attributes.serve(replace(POLICY, hosts=()))
    assert not attributes.serve(replace(POLICY, node_attributes=POLICY.node_attributes[:1]))
    assert not attributes.serve(Policy())
    assert Attributes(Policy()).serve(replace(POLICY, node_attributes=()))
