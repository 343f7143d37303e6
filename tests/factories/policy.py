"""Policies and their parts."""

from __future__ import annotations

from datetime import timedelta

import factory
from factory.django import DjangoModelFactory

from acl.models import (
    AclRule,
    AutoApproval,
    AutoApprover,
    Group,
    GroupMember,
    Host,
    NodeAttribute,
    PolicyBoundary,
    PolicyClock,
    PolicyTest,
    PolicyTrial,
    PolicyVersion,
    TagOwner,
)
from acl.selectors import policy_facts
from acl.stored import digest_of, pack_facts
from tests.factories.network import NOW, NetworkFactory, NodeFactory
from tests.factories.person import UserFactory


class GroupFactory(DjangoModelFactory[Group]):
    network = factory.SubFactory(NetworkFactory)
    name = factory.Sequence(lambda n: f"group{n}")

    class Meta:
        model = Group


class GroupMemberFactory(DjangoModelFactory[GroupMember]):
    group = factory.SubFactory(GroupFactory)
    user = factory.SubFactory(UserFactory)

    class Meta:
        model = GroupMember


class HostFactory(DjangoModelFactory[Host]):
    network = factory.SubFactory(NetworkFactory)
    name = factory.Sequence(lambda n: f"host{n}")
    prefix = factory.Sequence(lambda n: f"192.0.2.{n % 250 + 1}/32")

    class Meta:
        model = Host


class TagOwnerFactory(DjangoModelFactory[TagOwner]):
    network = factory.SubFactory(NetworkFactory)
    tag = factory.Sequence(lambda n: f"tag:owned{n}")

    class Meta:
        model = TagOwner


class AclRuleFactory(DjangoModelFactory[AclRule]):
    network = factory.SubFactory(NetworkFactory)
    position = factory.Sequence(lambda n: n + 1)
    sources = factory.LazyFunction(lambda: ["autogroup:member"])
    destinations = factory.LazyFunction(lambda: ["autogroup:self"])

    class Meta:
        model = AclRule


class PolicyVersionFactory(DjangoModelFactory[PolicyVersion]):
    """A version that says what the network's rows say now."""

    network = factory.SubFactory(NetworkFactory)
    number = factory.Sequence(lambda n: n + 1_000)
    facts = factory.LazyAttribute(lambda o: pack_facts(policy_facts(o.network.pk)))
    digest = factory.LazyAttribute(lambda o: digest_of(policy_facts(o.network.pk)))
    map_version = 1
    actor = "command"
    created_at = NOW

    class Meta:
        model = PolicyVersion


class PolicyTestFactory(DjangoModelFactory[PolicyTest]):
    network = factory.SubFactory(NetworkFactory)
    position = factory.Sequence(lambda n: n + 1)
    source = "autogroup:member"
    accept = factory.LazyFunction(list)
    deny = factory.LazyFunction(lambda: [{"destination": "10.1.0.9/32", "ports": [[22, 22]]}])

    class Meta:
        model = PolicyTest


class PolicyTrialFactory(DjangoModelFactory[PolicyTrial]):
    """One that is over: while one runs the policy cannot be edited."""

    network = factory.SubFactory(NetworkFactory)
    number = factory.Sequence(lambda n: n + 1_000)
    former = factory.LazyAttribute(lambda o: o.number - 1)
    began_at = NOW
    deadline = NOW + timedelta(minutes=5)
    due_at = NOW + timedelta(minutes=5)
    actor = "command"
    outcome = PolicyTrial.Outcome.CONFIRMED
    ended_at = NOW + timedelta(minutes=1)
    ended_by = "command"

    class Meta:
        model = PolicyTrial


class PolicyClockFactory(DjangoModelFactory[PolicyClock]):
    network = factory.SubFactory(NetworkFactory)
    at = NOW

    class Meta:
        model = PolicyClock


class PolicyBoundaryFactory(DjangoModelFactory[PolicyBoundary]):
    network = factory.SubFactory(NetworkFactory)
    boundary = NOW
    map_version = factory.Sequence(lambda n: n + 2)

    class Meta:
        model = PolicyBoundary


class AutoApproverFactory(DjangoModelFactory[AutoApprover]):
    network = factory.SubFactory(NetworkFactory)
    prefix = "10.40.0.0/16"
    approvers = factory.LazyFunction(lambda: ["autogroup:member"])

    class Meta:
        model = AutoApprover


class AutoApprovalFactory(DjangoModelFactory[AutoApproval]):
    node = factory.SubFactory(NodeFactory)
    prefix = "10.40.0.0/16"
    created_at = NOW

    class Meta:
        model = AutoApproval


class NodeAttributeFactory(DjangoModelFactory[NodeAttribute]):
    network = factory.SubFactory(NetworkFactory)
    position = factory.Sequence(lambda n: n + 1)
    targets = factory.LazyFunction(lambda: ["autogroup:member"])
    attributes = factory.LazyFunction(lambda: ["funnel"])

    class Meta:
        model = NodeAttribute
