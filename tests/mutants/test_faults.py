"""The faults that would hurt most: an accept for a deny, the last match for the first, a port bound moved by one.

Each is put into the engine in turn, and a few networks held against the oracle must show it. ``make mutants`` does the
same with every fault there is room for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from ipaddress import IPv4Network, ip_address, ip_network
from types import CodeType, FunctionType

import pytest

from mesh.compile import compile_policy
from mesh.policy import Action, Condition, ConditionKind, NetworkFacts, Policy, PolicyNode, PortRange, Rule, Schedule
from mesh.policy import selectors as s
from tests.mesh.policy.agent import Agent
from tests.mesh.policy.oracle import End, Oracle, ends_of
from tests.mesh.policy.strategies import AT
from tests.mutants.running import ROOT, exchange, functions
from tests.mutants.sites import mutants_of, mutated

TO = s.tag("tag:c")
FACTS = NetworkFacts(
    "test.ghost",
    IPv4Network("10.1.0.0/28"),
    None,
    (
        PolicyNode(1, "a", 7, addresses=(ip_address("10.1.0.1"),)),
        PolicyNode(2, "b", 7, addresses=(ip_address("10.1.0.2"),), os="linux"),
        PolicyNode(3, "c", None, frozenset({"tag:c"}), (ip_address("10.1.0.3"),)),
        PolicyNode(4, "d", 8, addresses=(ip_address("10.1.0.4"),), routes=(ip_network("10.9.0.0/31"),)),
    ),
)


def rule(action: Action, source: s.Selector, *ports: tuple[int, int], to: s.Selector = TO, **more: object) -> Rule:
    found = Rule(0, 0, action, (source,), (to,), (6,), tuple(PortRange(*item) for item in ports))
    return replace(found, **more)  # type: ignore[arg-type]


def accept(source: s.Selector, *ports: tuple[int, int], **more: object) -> Rule:
    return rule(Action.ACCEPT, source, *ports, **more)  # type: ignore[arg-type]


def deny(source: s.Selector, *ports: tuple[int, int], **more: object) -> Rule:
    return rule(Action.DENY, source, *ports, **more)  # type: ignore[arg-type]


ANA, BOB = s.user(7), s.user(8)
LINUX = (Condition(ConditionKind.OS_IN, ("linux",)),)
LOST = Schedule(frozenset({0}), None, None, "No/Where")
POLICIES = (
    (accept(ANA, (22, 22)),),
    (deny(ANA, (22, 22)), accept(s.ANY, (20, 25))),
    (accept(ANA, (22, 22)), deny(s.ANY), accept(BOB, (22, 22))),
    (deny(ANA), accept(ANA)),
    (deny(ANA, (0, 21), (23, 65_535)), accept(ANA)),
    (deny(ANA, (0, 99)), deny(s.ANY, (100, 65_535)), accept(ANA)),
    (deny(ANA, (0, 0)), deny(ANA, (65_535, 65_535)), accept(ANA, (0, 0), (65_535, 65_535)), accept(BOB, (0, 1))),
    (accept(ANA, (10, 19)), accept(ANA, (20, 29)), accept(ANA, (31, 31)), accept(BOB, (15, 40), (5, 16))),
    (deny(ANA, (22, 22), protocols=()), accept(ANA, protocols=())),
    (accept(ANA, (22, 22), protocols=()), accept(BOB, protocols=(6, 17, 99))),
    (deny(s.MEMBER, conditions=LINUX), accept(s.MEMBER)),
    (accept(s.MEMBER, conditions=LINUX),),
    (deny(ANA, schedule=LOST), accept(s.ANY), accept(BOB, schedule=LOST, to=s.MEMBER)),
    (deny(ANA, to=s.SELF), accept(s.ANY, to=s.ANY)),
    (accept(ANA, (1, 1), to=s.SELF), accept(BOB, to=s.prefix(ip_network("10.9.0.0/32")))),
)


def cases() -> Iterator[Policy]:
    """The policies, their rules given from the last to the first: positions alone say what the order is."""
    for rules in POLICIES:
        yield Policy(tuple(replace(item, id=n, position=n) for n, item in enumerate(rules, start=1))[::-1])


def agrees(policy: Policy) -> bool:
    """Whether visibility and filters are what the oracle says."""
    compiled, oracle = compile_policy(policy, FACTS, AT), Oracle(policy, FACTS, AT)
    for one in FACTS.nodes:
        if compiled.peers_of(one.id) != [other.id for other in FACTS.nodes if oracle.sees(one, other)]:
            return False
    flows = [flow for flow in oracle.flows() if flow[0] in (1, 6, 17, 99)]
    for receiver in FACTS.nodes:
        agent = Agent(compiled, receiver)
        ends = [(source, to) for source in senders(receiver) for to in ends_of(receiver, destination=True)]
        for source, to in ends:
            if any(
                agent.lets_in(source.address, to.address, *flow) is not oracle.decide(source, to, *flow)
                for flow in flows
            ):
                return False
    return True


def senders(receiver: PolicyNode) -> Iterator[End]:
    for sender in FACTS.nodes:
        if sender is not receiver:
            yield from ends_of(sender, destination=False)


def noticed() -> bool:
    """Whether some case shows that the engine is not right."""
    try:
        return not all(agrees(policy) for policy in cases())
    except Exception:  # noqa: BLE001 - a mutant may break in any way
        return True


known = cache(functions)


@contextmanager
def fault(path: str, where: str, before: str, after: str) -> Iterator[None]:
    """The engine with a fault in it."""
    source = (ROOT / path).read_text()
    (mutant, *_) = [
        item
        for item in mutants_of(path, source)
        if item.where == where and item.before.startswith(before) and item.after.startswith(after)
    ]
    targets = known()[path, where]
    codes = [target.__code__ for target in targets]
    exchange(targets, mutated(str(ROOT / path), source, mutant.number), where)
    try:
        yield
    finally:
        put_back(targets, codes)


def put_back(targets: list[FunctionType], codes: list[CodeType]) -> None:
    for target, code in zip(targets, codes, strict=True):
        target.__code__ = code


def test_without_a_fault_the_engine_agrees() -> None:
    assert not noticed()


@pytest.mark.parametrize(
    ("path", "where", "before", "after"),
    [
        ("mesh/policy/rules.py", "Rule.accepts", "Action.ACCEPT", "Action.DENY"),
        ("mesh/policy/rules.py", "Rule.accepts", "self.action is", "self.action is not"),
        ("mesh/compile/rows.py", "walk", "not accepts", "accepts"),
        ("mesh/compile/atoms.py", "Atoms.__init__", "if rule.accepts", "if not rule.accepts"),
        ("mesh/compile/build.py", "in_force", "not line.rule.accepts", "line.rule.accepts"),
        ("mesh/policy/conditions.py", "holds", "not accept", "accept"),
        ("mesh/compile/filters.py", "Filters.write", "'deny'", "'accept'"),
        ("mesh/compile/filters.py", "_merge", "one.action != other.action", "one.action == other.action"),
        ("mesh/policy/services.py", "services_of", "not accept", "accept"),
        ("mesh/policy/policy.py", "Policy.ordered", "sorted", "list"),
        ("mesh/compile/rows.py", "walk", "for number in numbers", "for number in reversed"),
        ("mesh/compile/build.py", "compile_whole", " for rule in policy.ordered()", " for rule in reversed"),
        ("mesh/compile/publish.py", "_lines_for", " for number in members", " for number in reversed"),
        ("mesh/compile/build.py", "in_force", " for line in lines", " for line in reversed"),
        ("mesh/compile/atoms.py", "Atoms.__init__", "item.last + 1", "item.last - 1"),
        ("mesh/compile/atoms.py", "Atoms.__init__", "point == 0", "point != 0"),
        ("mesh/compile/atoms.py", "Atoms.__init__", "point <= LAST_PORT", "point < LAST_PORT"),
        ("mesh/compile/atoms.py", "Atoms.reach", "bisect_left", "bisect_right"),
        ("mesh/compile/atoms.py", "Atoms.reach", "bisect_right", "bisect_left"),
        ("mesh/compile/atoms.py", "Atoms.reach", "item.last + 1", "item.last - 1"),
        ("mesh/policy/services.py", "merge_ports", "max", "min"),
        ("mesh/policy/services.py", "merge_ports", "sorted", "list"),
    ],
)
def test_a_fault_is_noticed(path: str, where: str, before: str, after: str) -> None:
    with fault(path, where, before, after):
        assert noticed()
    assert agrees(next(cases()))
