"""Long walks of small steps: whatever was asked before, each step answers as a whole compile of the same facts does.

The steps are those of a day: a node comes, goes, moves or changes its posture; a rule is added, taken out, moved or
turned off; a group gets or loses a person. What was worked out on the way must not outlive its truth.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address
from random import Random

import pytest

from mesh.compile import compile_policy, moved, shifting, with_policy
from mesh.policy import Action, FactsChange, Group, Host, NetworkFacts, Policy, PolicyNode, PolicyUser, PortRange, Rule
from mesh.policy import selectors as s
from mesh.policy.selectors import Selector
from tests.mesh.compile.test_evolve import answers
from tests.mesh.policy.strategies import (
    AT,
    CONDITIONS,
    GROUPS,
    HOSTS,
    IPV4_RANGE,
    IPV6_RANGE,
    PREFIXES,
    ROUTES,
    SCHEDULES,
    TAGS,
    USERS,
)

NODES = range(1, 7)
STEPS = 80
GROUP_SETS: tuple[tuple[int, ...], ...] = ((), USERS[:1], USERS[:2], USERS[1:])
PORTS = ((), (PortRange(22, 22),), (PortRange(22, 80),), (PortRange(80, 80), PortRange(443, 443)))


class Walk:
    """Where a walk stands: a policy over a network, both small, and what happens to them next."""

    def __init__(self, seed: int, *, routers: bool, conditions: bool, own_devices: bool) -> None:
        self.random = Random(seed)
        self.routers, self.conditions, self.own_devices = routers, conditions, own_devices
        self.rule_id = 0
        nodes = tuple(self.node(ident) for ident in NODES if self.random.random() < 0.7)
        users = tuple(PolicyUser(user, f"u{user}@example.com") for user in USERS)
        self.facts = NetworkFacts("test.ghost", IPV4_RANGE, IPV6_RANGE, nodes, users)
        rules = tuple(self.rule(position) for position in range(1, 4))
        self.policy = Policy(rules, self.groups(), (Host(HOSTS[0], PREFIXES[0]),))

    def some(self, choices: Iterable[object], most: int) -> tuple[object, ...]:
        pool = list(choices)
        return tuple(self.random.sample(pool, self.random.randint(1, most)))

    def node(self, ident: int) -> PolicyNode:
        chance = self.random
        owned = chance.random()
        host = chance.choice((ident, ident, ident, ident + 40))
        addresses = (ip_address(f"10.1.0.{host}"), ip_address(f"fd00::{host}"))
        return PolicyNode(
            ident,
            f"n{ident}",
            chance.choice(USERS) if owned < 0.6 else None,
            frozenset(self.some(TAGS, 2)) if owned > 0.7 else frozenset(),  # type: ignore[arg-type]
            chance.choice((addresses, addresses, addresses[:1], addresses[1:])),
            (chance.choice(ROUTES),) if self.routers and chance.random() < 0.4 else (),
            chance.choice(("", "linux")),
            chance.choice(("1.4", "2")),
            chance.choice((None, (("disk", True),))),
        )

    def groups(self) -> tuple[Group, ...]:
        return tuple(
            Group(name, frozenset(self.random.choice(GROUP_SETS)), frozenset(GROUPS[:1] if number == 1 else ()))
            for number, name in enumerate(GROUPS[:3])
        )

    def selector(self) -> Selector:
        chance = self.random
        return chance.choice(
            (
                s.ANY,
                s.MEMBER,
                s.TAGGED,
                s.user(chance.choice(USERS)),
                s.group(chance.choice(GROUPS[:3])),
                s.tag(chance.choice(TAGS)),
                s.tag(chance.choice(TAGS)),
                s.node(chance.choice(NODES)),
                s.host(HOSTS[0]),
                s.prefix(chance.choice(PREFIXES)),
            )
        )

    def rule(self, position: int) -> Rule:
        chance, self.rule_id = self.random, self.rule_id + 1
        own = self.own_devices and chance.random() < 0.4
        people = (
            s.ANY,
            s.MEMBER,
            s.user(chance.choice(USERS)),
            s.group(chance.choice(GROUPS[:3])),
            s.node(chance.choice(NODES)),
        )
        ports = chance.choice(PORTS)
        return Rule(
            self.rule_id,
            position,
            Action.DENY if chance.random() < 0.3 else Action.ACCEPT,
            (chance.choice(people) if own else self.selector(),),
            (s.SELF,) if own else (chance.choice((self.selector(), self.selector(), s.INTERNET)),),
            (6,) if ports else (),
            ports,
            chance.choice(SCHEDULES),
            (chance.choice(CONDITIONS),) if self.conditions and chance.random() < 0.4 else (),
        )

    def changed_nodes(self) -> FactsChange:
        chance = self.random
        if chance.random() < 0.2:
            return FactsChange((), frozenset({chance.choice(NODES)}))
        return FactsChange(tuple(self.node(ident) for ident in chance.sample(list(NODES), chance.randint(1, 2))))

    def edited(self) -> Policy:
        chance, rules = self.random, list(self.policy.rules)
        groups = self.policy.groups
        match chance.randint(0, 4):
            case 0:
                rules.insert(chance.randint(0, len(rules)), self.rule(0))
            case 1 if rules:
                rules.pop(chance.randrange(len(rules)))
            case 2 if rules:
                rules.insert(chance.randint(0, len(rules)), rules.pop(chance.randrange(len(rules))))
            case 3 if rules:
                place = chance.randrange(len(rules))
                rules[place] = replace(rules[place], enabled=not rules[place].enabled)
            case _:
                groups = self.groups()
        return Policy(
            tuple(replace(rule, position=place) for place, rule in enumerate(rules[:7], start=1)),
            groups,
            self.policy.hosts,
        )


KINDS = {
    "plain": {"routers": False, "conditions": False, "own_devices": False},
    "own devices": {"routers": False, "conditions": False, "own_devices": True},
    "routers": {"routers": True, "conditions": False, "own_devices": False},
    "everything": {"routers": True, "conditions": True, "own_devices": True},
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", KINDS)
def test_each_step_of_a_walk_answers_as_a_whole_compile(kind: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if seed % 2:  # as in a network with very many classes
        monkeypatch.setattr(shifting, "_MANY", 0)
    walk = Walk(seed, **KINDS[kind])
    compiled = compile_policy(walk.policy, walk.facts, AT)
    for step in range(STEPS):
        if walk.random.random() < 0.5:
            compiled = moved(compiled, walk.changed_nodes())
        else:
            walk.policy = walk.edited()
            compiled = with_policy(compiled, walk.policy)
        expected = answers(compile_policy(walk.policy, compiled.facts, AT))
        if walk.random.random() < 0.8:  # what nobody asked for may be remembered from further back
            assert answers(compiled) == expected, f"step {step}"
