"""A small network in the database that policies of the engine's strategies have something to say about."""

from __future__ import annotations

from dataclasses import replace

from acl.services.apply import apply_policy
from acl.services.policy import activate_policy
from coordinator.replica import REPLICAS
from mesh.change import Cause
from mesh.policy import Policy, TagOwner
from mesh.policy import selectors as s
from nodes.changes import lock_network
from nodes.models import Network, Node
from sessions_app.models import User
from tests.factories import AddressFactory, NodeFactory, RouteFactory, TaggedNodeFactory
from tests.mesh.policy.strategies import AT, TAGS, USERS

BASE = 10_000
"""What is added to the strategies' ids of users, so that they meet no others."""


def build_network(network: Network) -> None:
    """Users and nodes 1 to 5, as the strategies name them. To be called in a transaction that is rolled back."""
    REPLICAS.clear()
    User.objects.bulk_create([User(pk=BASE + pk, username=f"u{pk}@example.com") for pk in USERS])
    owners = {1: 1, 2: 1, 3: 2}
    for pk in range(1, 6):
        facts = {
            "network": network,
            "pk": pk,
            "name": f"n{pk}",
            "os": "linux" if pk % 2 else "windows",
            "posture": {"disk": True} if pk in (1, 4) else {},
        }
        if pk in owners:
            NodeFactory(owner_id=BASE + owners[pk], owner=None, **facts)
        else:
            TaggedNodeFactory(tags=[TAGS[0], TAGS[pk - 4]] if pk == 5 else [TAGS[0]], **facts)
        node = Node.objects.get(pk=pk)
        AddressFactory(node=node, network=network, address=f"10.1.0.{pk}")
        if pk != 3:
            AddressFactory(node=node, network=network, family=6, address=f"fd00::{pk}")
    for pk, prefix in ((2, "10.9.0.0/30"), (4, "10.9.0.4/30"), (5, "0.0.0.0/0")):
        RouteFactory(node=Node.objects.get(pk=pk), network=network, prefix=prefix, approved=True)


def with_rows(policy: Policy) -> Policy:
    """The same policy, of the users that have rows, and of names that the database knows."""

    def moved(selector: s.Selector) -> s.Selector:
        return replace(selector, ident=BASE + selector.ident) if selector.kind is s.SelectorKind.USER else selector

    rules = tuple(
        replace(rule, sources=tuple(map(moved, rule.sources)), destinations=tuple(map(moved, rule.destinations)))
        for rule in policy.rules
    )
    groups = tuple(
        replace(item, users=frozenset(BASE + pk for pk in item.users), groups=item.groups - {"gone"})
        for item in policy.groups
    )
    return replace(policy, rules=rules, groups=groups, tag_owners=tuple(TagOwner(tag) for tag in TAGS))


def expressible(policy: Policy) -> Policy:
    """What a document can say of it: time zones that exist, and hosts that exist."""
    rules = tuple(
        replace(rule, schedule=None) if rule.schedule is not None and rule.schedule.timezone == "No/Where" else rule
        for rule in policy.rules
        if s.host("h2") not in {*rule.sources, *rule.destinations}
    )
    return replace(policy, rules=rules)


def put(network: Network, policy: Policy) -> None:
    """Puts ``policy`` in force at the strategies' instant. In a transaction."""
    locked = lock_network(network.pk)
    apply_policy(network=locked, policy=policy)
    activate_policy(network=locked, cause=Cause.command(), now=AT, forced=True)
