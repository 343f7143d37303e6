"""What is remembered of filters, sets, groups and nodes is forgotten when it is no longer true, case by case."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

import pytest

from mesh.compile import CompiledPolicy, compile_policy, moved, with_policy
from mesh.compile.build import compile_whole
from mesh.compile.internet import internet_prefixes
from mesh.compile.terms import INTERNET_BIT, MEMBER_BIT, SELF_BIT, TAGGED_BIT, Terms
from mesh.policy import (
    Action,
    Condition,
    ConditionKind,
    FactsChange,
    Group,
    NetworkFacts,
    Policy,
    PolicyNode,
    PortRange,
    Rule,
)
from mesh.policy import selectors as s
from tests.mesh.compile.limits import limit_classes
from tests.mesh.compile.test_evolve import answers
from tests.mesh.policy.strategies import AT

SSH = (PortRange(22, 22),)
LAST_UNICAST = "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"


def node(ident: int, user: int | None = None, *tags: str, **more: Any) -> PolicyNode:
    addresses = more.pop("addresses", (f"10.1.0.{ident}", f"fd00::{ident:x}"))
    routes = tuple(map(ip_network, more.pop("routes", ())))
    return PolicyNode(ident, f"n{ident}", user, frozenset(tags), tuple(map(ip_address, addresses)), routes, **more)


def rule(number: int, source: s.Selector, *destinations: s.Selector, **more: Any) -> Rule:
    return Rule(number, number, more.pop("action", Action.ACCEPT), (source,), destinations, **more)


def engine(rules: tuple[Rule, ...], *nodes: PolicyNode, groups: tuple[Group, ...] = ()) -> CompiledPolicy:
    facts = NetworkFacts("test.ghost", IPv4Network("10.1.0.0/24"), IPv6Network("fd00::/64"), nodes)
    return compile_policy(Policy(rules, groups), facts, AT)


def as_new(compiled: CompiledPolicy) -> object:
    return answers(compile_policy(compiled.policy, compiled.facts, AT))


def destinations(compiled: CompiledPolicy, ident: int) -> list[list[str]]:
    return [[item["prefix"] for item in entry["destinations"]] for entry in compiled.filter_of(ident)[0]]


def test_the_internet_of_an_exit_node_ends_where_a_new_subnet_begins() -> None:
    exit_node = node(1, None, "tag:exit", routes=["0.0.0.0/0"])
    compiled = engine((rule(1, s.ANY, s.INTERNET),), exit_node, node(2, 7))
    answers(compiled)
    compiled = moved(compiled, FactsChange((node(3, 8, routes=["198.41.0.0/24"]), node(4, 9))))
    (reached,) = destinations(compiled, 1)
    assert not any(ip_address("198.41.0.7") in ip_network(prefix) for prefix in reached)
    assert answers(compiled) == as_new(compiled)
    compiled = moved(compiled, FactsChange((node(5, 8, addresses=["198.51.7.7"]), node(4, 7))))
    assert answers(compiled) == as_new(compiled)


def test_nodes_alike_but_for_an_address_outside_the_ranges_have_filters_of_their_own() -> None:
    compiled = engine(
        (rule(1, s.ANY, s.prefix(ip_network("172.30.0.0/16"))),),
        node(1, None, "tag:a", addresses=["172.30.0.1", "fd00::1"]),
        node(2, None, "tag:a", addresses=["172.30.0.2", "fd00::2"]),
    )
    assert destinations(compiled, 1) == [["172.30.0.1/32"]]
    assert destinations(compiled, 2) == [["172.30.0.2/32"]]


def test_exit_families_come_in_one_order() -> None:
    one, other = (
        engine((rule(1, s.ANY, s.INTERNET),), node(1, 7, routes=routes))
        for routes in (["0.0.0.0/0", "::/0"], ["::/0", "0.0.0.0/0"])
    )
    assert one.filter_of(1) == other.filter_of(1)


def test_an_exit_node_without_subnets_is_open_itself_and_towards_the_internet() -> None:
    compiled = engine((rule(1, s.user(7), s.ANY, s.INTERNET),), node(1, None, "tag:exit", routes=["0.0.0.0/0"]))
    (reached,) = destinations(compiled, 1)
    assert reached[0] == "self"
    assert "8.0.0.0/7" in reached


def test_neighbours_with_other_destinations_are_merged_without_losing_one() -> None:
    compiled = engine(
        (
            rule(1, s.user(7), s.node(1), protocols=(6,), ports=SSH),
            rule(2, s.user(7), s.prefix(ip_network("10.9.0.0/24")), protocols=(6,), ports=(PortRange(80, 80),)),
            rule(3, s.user(7), s.prefix(ip_network("10.9.0.0/24")), protocols=(6,), ports=SSH),
        ),
        node(1, None, "tag:router", routes=["10.9.0.0/24"]),
    )
    (entry,) = compiled.filter_of(1)[0]
    assert entry["destinations"] == [
        {"prefix": "self", "ports": [[22, 22]]},
        {"prefix": "10.9.0.0/24", "ports": [[22, 22], [80, 80]]},
    ]


def test_sources_of_merged_neighbours_are_sorted() -> None:
    rules = tuple(rule(number, s.prefix(ip_network(f"10.2.{number}.0/24")), s.ANY) for number in range(1, 8))
    backwards = tuple(replace(item, position=9 - item.id) for item in rules)
    (entry,) = engine(backwards, node(1, 7)).filter_of(1)[0]
    assert entry["sources"] == [f"10.2.{number}.0/24" for number in range(1, 8)]


def test_a_part_is_opened_by_the_widest_prefix_that_covers_it() -> None:
    wide, narrow = (s.prefix(ip_network(text)) for text in ("10.1.0.0/28", "10.1.0.1/32"))
    assert destinations(engine((rule(1, s.ANY, narrow, wide),), node(1, 7)), 1) == [["10.1.0.0/28"]]


def test_the_internet_has_a_last_address() -> None:
    last = ip_address(LAST_UNICAST)
    assert any(last in prefix for prefix in internet_prefixes(6, ()))
    before_it = ip_network(f"{ip_address(int(last) - 1)}/128")
    assert any(last in prefix for prefix in internet_prefixes(6, (before_it,)))


def test_a_router_that_was_removed_is_nobodys_any_more() -> None:
    compiled = engine((rule(1, s.ANY, s.ANY),), node(1, 7, routes=["10.9.0.0/24"]), node(2, 8))
    assert compiled.sees(1, 2)
    after = moved(compiled, FactsChange(removed=frozenset({1})))
    assert not after.sees(1, 2)
    assert after.routes_between(2, 1) == ()
    back = moved(after, FactsChange((node(1, 7),)))
    assert answers(back) == as_new(back)


def test_two_addresses_of_one_family_are_one_family() -> None:
    compiled = engine(
        (rule(1, s.ANY, s.ANY),),
        node(1, 7, addresses=["10.1.0.1", "10.1.0.101"]),
        node(2, 8, addresses=["fd00::2"]),
        node(3, 9),
    )
    assert compiled.peers_of(1) == [3]
    assert compiled.peers_of(2) == [3]


def test_own_devices_see_each_other_by_the_subnet_behind_one_of_them() -> None:
    compiled = engine(
        (rule(1, s.user(8), s.SELF), rule(2, s.user(7), s.prefix(ip_network("10.9.0.0/24")))),
        node(1, 7),
        node(2, 7, routes=["10.9.0.0/24"]),
    )
    assert compiled.sees(1, 2)
    assert compiled.sees(2, 1)


def test_own_devices_see_each_other_whichever_of_them_may_begin() -> None:
    compiled = engine((rule(1, s.node(1), s.SELF),), node(1, 7), node(2, 7), node(3, 7))
    assert [compiled.sees(1, 2), compiled.sees(2, 1), compiled.sees(2, 3)] == [True, True, False]
    assert (compiled.peers_of(1), compiled.peers_of(2)) == ([2, 3], [1])


def test_a_group_that_comes_back_has_the_members_that_it_has_now() -> None:
    nodes = (node(1, 7), node(2, 8), node(3, None, "tag:x"))
    rules = (rule(1, s.group("ops"), s.tag("tag:x")),)
    compiled = engine(rules, *nodes, groups=(Group("ops", frozenset({7})),))
    assert compiled.peers_of(3) == [1]
    compiled = with_policy(compiled, Policy(rules))
    assert compiled.peers_of(3) == []
    compiled = with_policy(compiled, Policy(rules, (Group("ops", frozenset({8})),)))
    assert compiled.peers_of(3) == [2]
    assert answers(compiled) == as_new(compiled)


def test_one_large_id_among_small_ones_is_found() -> None:
    compiled = engine((rule(1, s.ANY, s.ANY),), node(1, 7))
    large = replace(node(2, 8), id=2**33)
    assert moved(compiled, FactsChange((large, node(3, 9)))).peers_of(1) == [3, 2**33]


def test_exactly_as_many_classes_as_there_may_be_mute_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    condition = Condition(ConditionKind.OS_IN, ("linux",))
    rules = (rule(1, s.user(7), s.tag("tag:x"), conditions=(condition,)),)
    nodes = (node(1, 7, os="windows"), node(2, None, "tag:x"))
    whole = engine(rules, *nodes)
    limit_classes(monkeypatch, len(whole.classes.keys))
    again = compile_whole(whole.policy, whole.facts, AT, excess=0)
    assert again.muted == frozenset()
    assert again.warnings == ()


EVERYBODY_TO_TAGGED = rule(9, s.MEMBER, s.TAGGED)
"""An edit that names nothing new, so that filters from before it may still serve nodes that it is not about."""


@pytest.mark.parametrize("others", [(), (node(9, 9),)], ids=["alone", "among others"])
@pytest.mark.parametrize("edited", [False, True])
def test_a_filter_goes_with_the_owner_of_a_node_that_it_names(others: tuple[PolicyNode, ...], edited: bool) -> None:
    compiled = engine((rule(1, s.node(1), s.SELF),), node(1, 7), node(2, 7), node(3, 8))
    answers(compiled)
    if edited:
        compiled = with_policy(compiled, Policy((*compiled.policy.rules, EVERYBODY_TO_TAGGED)))
    compiled = moved(compiled, FactsChange((node(1, 8), *others)))
    assert answers(compiled) == as_new(compiled)


def test_a_router_does_not_go_on_with_a_filter_for_subnets_that_are_closed_now() -> None:
    subnet = rule(1, s.MEMBER, s.prefix(ip_network("10.9.0.0/24")))
    router = node(1, None, "tag:router", routes=["10.9.0.0/24"])
    compiled = engine((subnet, rule(2, s.MEMBER, s.MEMBER)), router, node(2, 7))
    assert destinations(compiled, 1) == [["10.9.0.0/24"]]
    compiled = with_policy(compiled, Policy(compiled.policy.rules[1:]))
    assert destinations(compiled, 1) == []


def test_what_a_rule_named_in_vain_counts_once_it_exists() -> None:
    rules = (rule(1, s.group("ops"), s.tag("tag:x")),)
    compiled = engine(rules, node(1, 7), node(3, None, "tag:x"))
    assert compiled.peers_of(3) == []
    compiled = with_policy(compiled, Policy(rules, (Group("ops", frozenset({7})),)))
    assert compiled.peers_of(3) == [1]
    assert answers(compiled) == as_new(compiled)


def test_terms_about_everybody_have_the_bits_that_others_look_for() -> None:
    numbers = Terms().numbers
    assert tuple(1 << numbers[term] for term in (s.MEMBER, s.TAGGED, s.SELF, s.INTERNET)) == (
        MEMBER_BIT,
        TAGGED_BIT,
        SELF_BIT,
        INTERNET_BIT,
    )
