"""Whole policies in the rows of a network, and back to earlier ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings

from acl.models import AclRule, Group, PolicyVersion
from acl.selectors import latest_version, load_policy
from acl.services.apply import apply_policy
from acl.services.apply_rules import match_rules
from acl.services.groups import save_group
from acl.services.policy import activate_policy
from acl.services.rules import create_rule, update_rule
from acl.services.versions import roll_back
from acl.stored import content_of, facts_of
from mesh.change import Cause
from mesh.errors import ConflictError, NotFoundError
from mesh.policy import (
    Action,
    Assertion,
    Host,
    NodeAttribute,
    Policy,
    PortRange,
    RouteApprover,
    Rule,
    TagOwner,
    Target,
    renumber,
)
from mesh.policy import selectors as s
from nodes.changes import lock_network
from nodes.models import Network
from sessions_app.models import User
from tests.factories import NOW, NetworkFactory, NodeFactory, UserFactory
from tests.mesh.policy.strategies import USERS, policies

ACT: dict[str, Any] = {"cause": Cause.command(), "now": NOW}
ANY = {"action": "accept", "sources": ["*"], "destinations": ["*"]}
# Before every schedule of the strategies ends.
EARLY = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def network(db: None) -> Network:
    made: Network = NetworkFactory()
    return made


@transaction.atomic
def put(network: Network, policy: Policy, now: datetime = NOW) -> PolicyVersion | None:
    locked = lock_network(network.pk)
    apply_policy(network=locked, policy=policy)
    return activate_policy(network=locked, cause=Cause.command(), now=now)


def said(policy: Policy) -> dict[str, Any]:
    """What a policy says, in the one order that the database has."""
    return content_of(facts_of(policy))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=policies(), second=policies())
def test_the_rows_say_what_the_policy_says_whatever_was_there(network: Network, first: Policy, second: Policy) -> None:
    with transaction.atomic():
        User.objects.bulk_create([User(pk=pk, username=f"u{pk}") for pk in USERS], ignore_conflicts=True)
        for drawn in (first, second):
            # What a nested group that does not exist would hold is nobody: the rows have no place for it.
            groups = tuple(replace(item, groups=item.groups - {"gone"}) for item in drawn.groups)
            policy = replace(drawn, groups=groups)
            put(network, policy, EARLY)
            assert said(load_policy(network.pk)) == said(policy)
        transaction.set_rollback(True)


FULL = Policy(
    rules=(Rule(0, 1, Action.ACCEPT, (s.MEMBER,), (s.SELF,), name="own"),),
    hosts=(Host("db", ip_network("192.0.2.1")),),
    tag_owners=(TagOwner("tag:web", (s.MEMBER,)),),
    route_approvers=(RouteApprover(ip_network("10.0.0.0/8"), (s.tag("tag:web"),)),),
    exit_approvers=(s.MEMBER,),
    node_attributes=(NodeAttribute((s.ANY,), ("funnel",)), NodeAttribute((s.MEMBER,), ("a", "b"))),
    # One that holds: what fails at once would be an objection.
    assertions=(Assertion(s.MEMBER, (), (Target(s.tag("tag:web"), (PortRange(22, 22),)),), 6, (("disk", True),)),),
)


def test_every_section_has_its_rows(network: Network) -> None:
    put(network, FULL)
    assert said(load_policy(network.pk)) == said(FULL)


def test_the_same_policy_again_is_no_version(network: Network) -> None:
    assert put(network, FULL) is not None
    assert put(network, FULL) is None


def test_sections_are_emptied(network: Network) -> None:
    put(network, FULL)
    put(network, Policy())
    assert said(load_policy(network.pk)) == said(Policy())


def test_a_rule_that_moved_and_one_that_changed_keep_their_ids(network: Network) -> None:
    rules = [create_rule(network_id=network.pk, fields=ANY | {"name": name}, **ACT) for name in "abc"]
    a, b, c = load_policy(network.pk).ordered()
    wanted = renumber([replace(c, id=0), replace(a, id=0, action=Action.DENY), replace(b, id=0)])
    put(network, Policy(wanted))
    ids = AclRule.objects.filter(network=network).order_by("position").values_list("pk", flat=True)
    assert list(ids) == [rules[2].pk, rules[0].pk, rules[1].pk]


def test_a_rule_is_matched_by_what_it_says_before_its_name() -> None:
    twin = Rule(0, 1, Action.DENY, (s.ANY,), (s.ANY,), name="x")
    present = [replace(twin, id=4, action=Action.ACCEPT), replace(twin, id=5)]
    assert match_rules(present, [twin]) == {0: 5}


def test_a_rule_like_no_other_is_new() -> None:
    present = [Rule(4, 1, Action.DENY, (s.ANY,), (s.ANY,))]
    assert match_rules(present, [Rule(0, 1, Action.ACCEPT, (s.MEMBER,), (s.SELF,))]) == {}


def test_comments_of_groups_survive_a_policy_that_says_nothing_of_them(network: Network) -> None:
    save_group(network_id=network.pk, name="ops", users=[], subgroups=[], comment="on call", **ACT)
    put(network, replace(load_policy(network.pk), exit_approvers=(s.group("ops"),)))
    assert Group.objects.get(network=network, name="ops").comment == "on call"


def test_a_host_with_the_name_of_a_node_is_refused(network: Network) -> None:
    NodeFactory(network=network, name="db")
    with pytest.raises(ConflictError, match="db"):
        put(network, FULL)


def test_going_back_puts_an_earlier_policy_in_force_as_a_new_version(network: Network) -> None:
    put(network, FULL)
    before = said(load_policy(network.pk))
    put(network, Policy())
    version = roll_back(network_id=network.pk, number=2, **ACT)
    assert version is not None
    assert (version.number, version.comment) == (4, "Back to version 2")
    assert said(load_policy(network.pk)) == before


def test_going_back_to_what_is_in_force_is_no_version(network: Network) -> None:
    put(network, FULL)
    assert roll_back(network_id=network.pk, number=2, **ACT) is None


def test_going_back_restores_the_ids_of_rules_that_are_still_there(network: Network) -> None:
    rule = create_rule(network_id=network.pk, fields=ANY, **ACT)
    update_rule(rule_id=rule.pk, fields={"action": "deny", "sources": ["autogroup:tagged"], "name": "n"}, **ACT)
    roll_back(network_id=network.pk, number=2, **ACT)
    rule.refresh_from_db()
    assert rule.action == "accept"


def test_going_back_gives_nothing_to_a_newcomer_with_an_old_name(network: Network) -> None:
    ana = UserFactory(username="ana")
    create_rule(network_id=network.pk, fields=ANY | {"sources": ["user:ana"]}, **ACT)
    old = load_policy(network.pk).rules[0].sources
    put(network, Policy())
    ana.delete()
    newcomer = UserFactory(username="ana")
    roll_back(network_id=network.pk, number=2, **ACT)
    assert load_policy(network.pk).rules[0].sources == old != (s.user(newcomer.pk),)


def test_going_back_leaves_members_out_that_are_gone(network: Network) -> None:
    ana, bo = UserFactory(), UserFactory()
    save_group(network_id=network.pk, name="ops", users=[ana.pk, bo.pk], subgroups=[], **ACT)
    put(network, Policy())
    ana.delete()
    roll_back(network_id=network.pk, number=2, **ACT)
    assert load_policy(network.pk).group_table()["ops"].users == {bo.pk}


def test_going_back_switches_off_what_has_ended_since(network: Network) -> None:
    ends = NOW + timedelta(hours=1)
    create_rule(network_id=network.pk, fields=ANY | {"schedule": {"expires_at": ends.isoformat()}}, **ACT)
    put(network, Policy())
    roll_back(network_id=network.pk, number=2, cause=Cause.command(), now=ends)
    assert [rule.enabled for rule in load_policy(network.pk).rules] == [False]


def test_going_back_restores_comments_and_keeps_the_text_that_the_version_came_in(network: Network) -> None:
    save_group(network_id=network.pk, name="ops", users=[], subgroups=[], comment="on call", **ACT)
    PolicyVersion.objects.filter(network=network, number=2).update(document="// ours\n{}")
    put(network, Policy())
    roll_back(network_id=network.pk, number=2, **ACT)
    version = latest_version(network.pk)
    assert version is not None and version.document == "// ours\n{}"
    assert Group.objects.get(network=network, name="ops").comment == "on call"


def test_a_version_that_does_not_exist(network: Network) -> None:
    with pytest.raises(NotFoundError):
        roll_back(network_id=network.pk, number=99, **ACT)


def test_going_back_from_another_version_than_the_caller_knows_is_refused(network: Network) -> None:
    put(network, FULL)
    with pytest.raises(ConflictError):
        roll_back(network_id=network.pk, number=2, expected_version=1, **ACT)
