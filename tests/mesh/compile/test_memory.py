"""What is kept from step to step is kept only while it is true, and many steps at once are as good as one by one."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, ip_address, ip_network

import pytest

from mesh.compile import CompiledPolicy, compile_policy, moved
from mesh.compile.internet import internet_prefixes, is_internet
from mesh.policy import Action, FactsChange, NetworkFacts, Policy, PolicyNode, PolicyUser, Rule
from mesh.policy import selectors as s
from tests.mesh.policy.strategies import AT

DB = PolicyNode(1, "db", None, frozenset({"tag:db"}), (ip_address("10.1.0.1"),))
ANA = PolicyNode(2, "ana", 7, addresses=(ip_address("10.1.0.2"),))
NEW = PolicyNode(3, "new", 8, addresses=(ip_address("10.1.0.3"),))
FACTS = NetworkFacts("test.ghost", IPv4Network("10.1.0.0/24"), None, (DB, ANA), (PolicyUser(7, "ana"),))


def engine(source: s.Selector) -> CompiledPolicy:
    return compile_policy(Policy((Rule(1, 1, Action.ACCEPT, (source,), (s.tag("tag:db"),)),)), FACTS, AT)


def told(compiled: CompiledPolicy) -> object:
    (name,) = compiled.filter_of(DB.id)[1]
    return compiled.set_of(name)


@pytest.mark.parametrize(
    ("source", "change"),
    [
        (s.MEMBER, FactsChange((NEW,))),
        (s.MEMBER, FactsChange((replace(NEW, user=None),))),
        (s.MEMBER, FactsChange(users=(PolicyUser(9, "cat"),))),
        (s.MEMBER, FactsChange(removed=frozenset({2}), removed_users=frozenset({7}))),
        (s.TAGGED, FactsChange((replace(NEW, user=None, tags=frozenset({"tag:x"})),))),
        (s.ANY, FactsChange((replace(NEW, routes=(ip_network("10.9.0.0/24"),)),))),
        (s.ANY, FactsChange((replace(NEW, addresses=(ip_address("172.30.0.1"),)),))),
    ],
)
def test_a_set_that_was_told_is_told_anew_after_a_change_of_its_members(
    source: s.Selector, change: FactsChange
) -> None:
    compiled = engine(source)
    before = told(compiled)
    after = told(moved(compiled, change))
    assert after != before
    assert after == told(compile_policy(compiled.policy, moved(compiled, change).facts, AT))
    assert told(compiled) == before


def test_many_new_classes_at_once_are_seen_as_after_a_whole_compile() -> None:
    tags = [f"tag:t{number}" for number in range(12)]
    rules = tuple(
        Rule(n, n, Action.ACCEPT, (s.user(7),), (s.tag(tag),), (6,)) for n, tag in enumerate(tags[::2], start=1)
    )
    compiled = compile_policy(Policy((*rules, Rule(99, 99, Action.DENY, tuple(map(s.tag, tags)), (s.ANY,)))), FACTS, AT)
    nodes = tuple(
        PolicyNode(10 + n, f"t{n}", None, frozenset({tag}), (ip_address(f"10.1.0.{10 + n}"),))
        for n, tag in enumerate(tags)
    )
    after = moved(compiled, FactsChange(nodes))
    assert after.peers_of(ANA.id) == list(range(10, 22, 2))
    assert [node.id for node in nodes if after.sees(node.id, ANA.id)] == after.peers_of(ANA.id)


HOLES = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "9.9.9.9/32",
    "9.9.9.12/31",
    "2001::/32",
    "2002::/16",
    "2a00:1::/32",
)


@pytest.mark.parametrize("text", HOLES)
def test_the_internet_ends_exactly_where_what_is_left_out_begins(text: str) -> None:
    hole = ip_network(text)
    excluded = [ip_network(item) for item in ("9.9.9.9/32", "9.9.9.12/31", "2a00:1::/32")]
    prefixes = internet_prefixes(hole.version, excluded)
    make = type(hole[0])
    for address, expected in (
        (int(hole[0]) - 1, int(hole[0]) > 0),
        (int(hole[0]), False),
        (int(hole[-1]), False),
        (int(hole[-1]) + 1, True),
    ):
        if address >= 0:
            assert any(make(address) in prefix for prefix in prefixes) is expected
            assert is_internet(make(address), excluded) is expected
