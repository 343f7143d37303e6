"""Packet filters and sets in the shape that agents get."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given

from mesh.compile import attributes_of, compile_policy, moved
from mesh.policy import (
    FactsChange,
    NetworkFacts,
    NodeAttribute,
    Policy,
    PolicyNode,
    Rule,
)
from mesh.policy import selectors as s
from tests.mesh.compile.filtering import (
    ANA,
    BOB,
    DB,
    DB2,
    FACTS,
    GATE,
    GROUPS,
    HOSTS,
    LINUX,
    NOBODYS,
    RANGES,
    TO_DB,
    compiled,
    sets_of,
    wire_set,
)
from tests.mesh.compile.rules import SSH, WEB, accept, deny
from tests.mesh.policy.profile import thorough
from tests.mesh.policy.strategies import AT, networks, policies


def test_a_filter_has_the_shape_of_the_protocol() -> None:
    engine = compiled(accept((s.group("ops"), s.prefix(ip_network("10.0.0.0/8"))), TO_DB, SSH))
    rules, names = engine.filter_of(DB.id)
    assert rules == [
        {
            "action": "accept",
            "protocols": [1, 6, 17, 58],
            "sources": ["10.0.0.0/8", f"set:{names[0]}"],
            "destinations": [{"prefix": "self", "ports": [[22, 22]]}],
        }
    ]
    assert engine.set_of(names[0]) == wire_set(users=[7, 8])


def test_it_holds_only_what_concerns_the_node_as_a_destination() -> None:
    engine = compiled(accept((s.user(7),), TO_DB))
    assert engine.filter_of(ANA.id) == ([], ())
    assert engine.filter_of(99) == ([], ())


def test_own_devices_keep_their_place_and_are_the_owners_alone() -> None:
    engine = compiled(
        deny((s.user(8),), (s.SELF,), SSH), accept((s.MEMBER,), (s.SELF,)), accept((s.ANY,), (s.user(7),), WEB)
    )
    rules, names = engine.filter_of(ANA.id)
    assert [item["action"] for item in rules] == ["accept", "accept"]
    assert {name: engine.set_of(name) for name in names}[rules[0]["sources"][0].removeprefix("set:")] == wire_set(
        users=[7]
    )
    assert [item["action"] for item in engine.filter_of(BOB.id)[0]] == ["deny", "accept"]
    assert engine.filter_of(NOBODYS.id)[0] == engine.filter_of(DB.id)[0] == []


def test_own_devices_under_conditions_and_by_name() -> None:
    phone = PolicyNode(9, "phone", 7, frozenset(), (ip_address("10.1.0.9"),), os="android")
    facts = NetworkFacts("test.ghost", *RANGES, (ANA, phone, BOB))
    engine = compiled(
        accept((s.ANY,), (s.SELF,), SSH, conditions=LINUX), accept((s.node(9),), (s.SELF,), WEB), facts=facts
    )
    rules, _ = engine.filter_of(ANA.id)
    found = [engine.set_of(item["sources"][0].removeprefix("set:")) for item in rules]
    assert found == [wire_set(ids=[[3, 3]]), wire_set(ids=[[9, 9]])]
    assert engine.peers_of(3) == [9]
    assert len(engine.filter_of(BOB.id)[0]) == 1


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        (s.tag("tag:gate"), ["self"]),
        (s.ANY, ["self", "10.9.0.0/24"]),
        (s.prefix(ip_network("10.0.0.0/8")), ["self", "10.9.0.0/24"]),
        (s.host("lan"), ["10.9.0.128/25"]),
        (s.prefix(ip_network("10.9.0.7/32")), ["10.9.0.7/32"]),
        (s.prefix(ip_network("0.0.0.0/0")), ["self", "10.9.0.0/24"]),
    ],
)
def test_a_router_gets_the_part_of_its_routes_that_a_rule_reaches(destination: Any, expected: list[str]) -> None:
    (found,) = compiled(accept((s.user(7),), (destination,))).filter_of(GATE.id)[0]
    assert [item["prefix"] for item in found["destinations"]] == expected


def test_an_exit_node_gets_the_internet_without_what_is_not() -> None:
    (found,) = compiled(accept((s.user(7),), (s.INTERNET,))).filter_of(GATE.id)[0]
    prefixes = [ip_network(item["prefix"]) for item in found["destinations"]]
    assert any(ip_address("8.8.8.8") in prefix for prefix in prefixes)
    assert not any(ip_address(text) in prefix for text in ("10.9.0.1", "10.1.0.1", "10.200.0.1") for prefix in prefixes)
    assert {prefix.version for prefix in prefixes} == {4}


def test_of_a_node_that_an_address_covers_in_part_only_that_part_is_opened() -> None:
    engine = compiled(accept((s.user(7),), (s.prefix(ip_network("10.1.0.0/28")),), SSH))
    for node in (DB, DB2):
        (found,) = engine.filter_of(node.id)[0]
        assert [item["prefix"] for item in found["destinations"]] == ["10.1.0.0/28"]
    wide = compiled(accept((s.user(7),), (s.prefix(ip_network("10.0.0.0/8")),), SSH)).filter_of(DB.id)[0]
    assert [item["prefix"] for item in wide[0]["destinations"]] == ["10.1.0.0/24"]


def test_an_address_outside_the_ranges_stands_for_itself() -> None:
    stray = PolicyNode(7, "stray", 7, frozenset(), (ip_address("172.30.0.7"), ip_address("10.1.0.7")))
    facts = NetworkFacts("test.ghost", *RANGES, (stray, DB))
    engine = compiled(
        accept((s.ANY,), (s.prefix(ip_network("172.16.0.0/12")),), SSH), accept((s.ANY,), TO_DB), facts=facts
    )
    (found,) = engine.filter_of(7)[0]
    assert [item["prefix"] for item in found["destinations"]] == ["172.30.0.7/32"]
    assert "172.30.0.7/32" in engine.set_of("*")["prefixes"]


def test_neighbours_are_merged_and_others_are_not() -> None:
    def merged(*rules: Rule) -> list[tuple[list[str], list[Any]]]:
        found = compiled(*rules).filter_of(DB.id)[0]
        return [(item["sources"], [target["ports"] for target in item["destinations"]]) for item in found]

    lan, far = s.prefix(ip_network("10.2.0.0/16")), s.prefix(ip_network("10.3.0.0/16"))
    assert merged(accept((lan,), TO_DB, SSH), accept((far,), TO_DB, SSH)) == [
        (["10.2.0.0/16", "10.3.0.0/16"], [[[22, 22]]])
    ]
    assert merged(accept((lan,), TO_DB, SSH), accept((lan,), TO_DB, WEB)) == [(["10.2.0.0/16"], [[[22, 22], [80, 80]]])]
    assert merged(accept((lan,), TO_DB, SSH), accept((lan,), TO_DB)) == [(["10.2.0.0/16"], [[[0, 65535]]])]
    assert len(merged(accept((lan,), TO_DB, SSH), accept((far,), TO_DB, WEB))) == 2
    assert len(merged(accept((lan,), TO_DB, SSH), accept((far,), TO_DB, SSH, protocols=(6,)))) == 2
    assert len(merged(accept((lan,), TO_DB, SSH), deny((far,), TO_DB), accept((far,), TO_DB, SSH))) == 3


def test_denials_at_the_end_are_left_out() -> None:
    assert (
        compiled(accept((s.user(7),), TO_DB, SSH), deny((s.ANY,), (s.ANY,))).filter_of(DB.id)[0][-1]["action"]
        == "accept"
    )
    assert compiled(deny((s.ANY,), (s.ANY,))).filter_of(DB.id) == ([], ())


def test_what_names_nothing_any_more_makes_no_entry() -> None:
    engine = compiled(accept((s.group("gone"), s.host("gone")), TO_DB), accept((s.user(7),), (s.host("gone"),)))
    assert engine.filter_of(DB.id)[0] == []
    assert len(engine.warnings) == 3


def test_nodes_with_the_same_rules_get_the_same_objects() -> None:
    engine = compiled(accept((s.user(7),), TO_DB, SSH))
    assert engine.filter_of(DB.id) is engine.filter_of(DB2.id)


def test_a_newcomer_in_a_group_changes_no_filter_and_no_set() -> None:
    engine = compiled(accept((s.group("ops"), s.tag("tag:gate")), TO_DB))
    before, sets = engine.filter_of(DB.id), sets_of(engine, DB)
    later = moved(engine, FactsChange((PolicyNode(77, "new", 7, frozenset(), (ip_address("10.1.0.77"),)),)))
    assert later.peers_of(DB.id) == [3, 4, 5, 77]
    assert later.filter_of(DB.id) is before
    assert sets_of(later, DB) == sets


def test_attributes_go_to_the_nodes_that_targets_name() -> None:
    given_to = (
        NodeAttribute((s.tag("tag:db"), s.group("ops")), ("backup", "audit")),
        NodeAttribute((s.prefix(ip_network("10.1.0.3/32")),), ("first",)),
        NodeAttribute((s.host("lan"),), ("never",)),
    )
    engine = compile_policy(Policy((), GROUPS, HOSTS, node_attributes=given_to), FACTS, AT)
    assert attributes_of(engine, DB.id) == ("audit", "backup")
    assert attributes_of(engine, ANA.id) == ("audit", "backup", "first")
    assert attributes_of(engine, NOBODYS.id) == attributes_of(engine, 99) == ()


@thorough
@given(policies(), networks())
def test_filters_are_tidy(policy: Policy, facts: NetworkFacts) -> None:
    engine = compile_policy(policy, facts, AT)
    for node in facts.nodes:
        rules, names = engine.filter_of(node.id)
        assert not rules or rules[-1]["action"] == "accept"
        used: set[str] = set()
        for item in rules:
            assert item["protocols"] == sorted(set(item["protocols"]))
            assert item["sources"] == sorted(set(item["sources"]))
            assert item["sources"]
            assert item["destinations"]
            prefixes = [target["prefix"] for target in item["destinations"]]
            assert len(prefixes) == len(set(prefixes))
            for target in item["destinations"]:
                assert all(first <= last for first, last in target["ports"])
                assert all(one[1] + 1 < other[0] for one, other in pairwise(target["ports"]))
            used.update(text.removeprefix("set:") for text in item["sources"] if text == "*" or text.startswith("set:"))
        assert names == tuple(sorted(used))
        for one, other in pairwise(rules):
            same = {key for key in ("action", "protocols", "sources") if one[key] == other[key]}
            assert not ({"action", "protocols"} <= same and one["destinations"] == other["destinations"])
            assert len(same) < 3
