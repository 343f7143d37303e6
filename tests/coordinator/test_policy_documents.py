"""The policy as one document, over a real network: out and in again, checked, atomic, and never over someone's edit."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings

from acl.errors import OutdatedError
from acl.models import AclRule, Group, PolicyVersion
from acl.selectors import load_policy
from acl.services.groups import save_group
from acl.services.rules import create_rule
from acl.services.versions import roll_back
from acl.stored import content_of, facts_of
from coordinator.lifecycle import rename_node
from coordinator.policy.documents import check_policy_document, export_policy, import_policy
from mesh.change import Cause
from mesh.errors import ConflictError, ValidationError
from mesh.policy import Policy
from nodes.models import Network
from sessions_app.models import User
from tests.coordinator.policy_networks import build_network, expressible, with_rows
from tests.coordinator.policy_networks import put as put_policy
from tests.factories import NodeFactory, TaggedNodeFactory
from tests.mesh.policy.strategies import AT, policies

ANY = {"action": "accept", "sources": ["*"], "destinations": ["*"]}
OURS = """
// Who reaches what.
{
    "groups": {"group:ops": ["ana@example.com"]}, // on call
    "tagOwners": {"tag:db": ["group:ops"],},
    "acls": [
        /* the database */
        {"action": "accept", "src": ["group:ops"], "dst": ["tag:db:5432", "tag:db:22"]},
        {"action": "deny", "proto": "tcp", "src": ["*"], "dst": ["tag:db:80-90"]},
    ],
}
"""


def act() -> dict[str, Any]:
    return {"cause": Cause.command(), "now": timezone.now()}


def state(network: Network) -> tuple[int, int]:
    row = Network.objects.get(pk=network.pk)
    return row.policy_version, row.map_version


def put(network: Network, text: str, **options: Any) -> PolicyVersion | None:
    return import_policy(network_id=network.pk, text=text, **(act() | options)).version


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=policies())
def test_a_policy_that_goes_out_comes_in_as_the_same(network: Network, drawn: Policy) -> None:
    policy = expressible(with_rows(drawn))
    with transaction.atomic():
        build_network(network)
        put_policy(network, policy)
        before, stored = state(network), load_policy(network.pk)
        text = export_policy(network_id=network.pk).text
        assert import_policy(network_id=network.pk, text=text, cause=Cause.command(), now=AT).version is None
        assert state(network) == before
        assert load_policy(network.pk) == stored
        put_policy(network, Policy())
        import_policy(network_id=network.pk, text=text, cause=Cause.command(), now=AT, forced=True)
        assert content_of(facts_of(load_policy(network.pk))) == content_of(facts_of(stored))
        transaction.set_rollback(True)


@pytest.fixture
def ours(network: Network, ana: User) -> str:
    """A document as people write it."""
    return OURS


def test_a_document_comes_into_force_as_one_version(network: Network, ours: str, ana: User) -> None:
    before = state(network)
    version = put(network, ours, comment="from the repository")
    assert version is not None
    assert (version.number, version.comment) == (before[0] + 1, "from the repository")
    assert state(network) == (before[0] + 1, before[1] + 1)
    policy = load_policy(network.pk)
    assert policy.group_table()["ops"].users == {ana.pk}
    assert policy.ordered()[0].ports[0].first == 5432


def test_the_text_that_a_version_came_in_is_kept_with_its_comments(network: Network, ours: str) -> None:
    put(network, ours)
    assert export_policy(network_id=network.pk).text == ours


def test_a_document_that_says_what_is_in_force_changes_nothing(network: Network, ours: str) -> None:
    put(network, ours)
    before = state(network)
    assert put(network, ours) is None
    assert state(network) == before


def test_other_comments_alone_are_kept_without_a_new_version(network: Network, ours: str) -> None:
    put(network, ours)
    before = state(network)
    assert put(network, ours.replace("the database", "OUR database")) is None
    assert state(network) == before
    assert "OUR database" in export_policy(network_id=network.pk).text


def test_after_an_edit_the_document_is_written_anew(network: Network, ours: str) -> None:
    put(network, ours)
    create_rule(network_id=network.pk, fields=ANY | {"name": "new"}, **act())
    text = export_policy(network_id=network.pk).text
    assert '"new"' in text
    assert "the database" not in text


def test_a_text_whose_names_mean_something_else_by_now_is_not_shown(network: Network) -> None:
    web = NodeFactory(network=network, name="web")
    put(network, '{"acls": [{"action": "accept", "src": ["node:web"], "dst": ["*:*"]}]}')
    rename_node(node_id=web.pk, name="front", **act())
    NodeFactory(network=network, name="web")
    assert "node:front" in export_policy(network_id=network.pk).text


def test_what_is_wrong_is_named_by_line_and_column_and_nothing_changes(network: Network, ours: str) -> None:
    before = state(network), load_policy(network.pk)
    with pytest.raises(ValidationError) as caught:
        put(network, ours.replace('"src": ["group:ops"]', '"src": ["group:oops"]'))
    assert "line 8, column " in caught.value.detail
    assert [item.field for item in caught.value.errors] == ["acls.0.src.0"]
    assert (state(network), load_policy(network.pk)) == before


def test_a_tag_that_a_document_does_not_declare_any_more_is_not_there(network: Network, ours: str) -> None:
    put(network, ours)
    with pytest.raises(ValidationError, match="no tag “db”"):
        put(network, ours.replace('"tagOwners": {"tag:db": ["group:ops"],},', ""))


def test_a_tag_that_a_node_carries_needs_no_declaration(network: Network, ours: str) -> None:
    TaggedNodeFactory(network=network, tags=["tag:db"])
    assert put(network, ours.replace('"tagOwners": {"tag:db": ["group:ops"],},', "")) is not None


def test_a_key_that_stands_twice_is_refused(network: Network) -> None:
    with pytest.raises(ValidationError, match="already there"):
        put(network, '{"acls": [], "acls": []}')


def test_an_import_against_another_text_than_the_one_in_force_is_refused(network: Network, ours: str) -> None:
    tag = export_policy(network_id=network.pk).tag
    create_rule(network_id=network.pk, fields=ANY, **act())
    with pytest.raises(OutdatedError):
        put(network, ours, tag=tag)


def test_an_import_against_the_text_in_force_is_taken(network: Network, ours: str) -> None:
    assert put(network, ours, tag=export_policy(network_id=network.pk).tag) is not None


def test_an_import_against_the_version_in_force_is_taken(network: Network, ours: str) -> None:
    assert put(network, ours, tag=str(state(network)[0])) is not None


def test_rules_keep_their_ids_through_a_document(network: Network, ours: str) -> None:
    put(network, ours)
    before = list(AclRule.objects.order_by("position").values_list("pk", flat=True))
    put(network, ours.replace("5432", "5433"))
    assert list(AclRule.objects.order_by("position").values_list("pk", flat=True)) == before


def test_a_comment_of_a_group_goes_out_and_in(network: Network) -> None:
    save_group(network_id=network.pk, name="ops", users=[], subgroups=[], comment="on call", **act())
    text = export_policy(network_id=network.pk).text
    put(network, '{"acls": []}')
    put(network, text)
    assert Group.objects.get(name="ops").comment == "on call"


def test_a_document_without_comments_leaves_those_of_groups_alone(network: Network, ours: str) -> None:
    put(network, ours)
    group = Group.objects.get(name="ops")
    save_group(network_id=network.pk, group_id=group.pk, name="ops", users=[], subgroups=[], comment="on call", **act())
    put(network, ours)
    group.refresh_from_db()
    assert group.comment == "on call"


def test_the_text_comes_back_with_the_version(network: Network, ours: str) -> None:
    put(network, ours)
    put(network, '{"acls": []}')
    roll_back(network_id=network.pk, number=2, **act())
    assert export_policy(network_id=network.pk).text == ours


def test_a_rule_whose_time_is_over_comes_in_switched_off(network: Network) -> None:
    ended = (timezone.now() - timedelta(days=1)).isoformat()
    entry = {"action": "accept", "src": ["*"], "dst": ["*:*"], "ghostwire": {"schedule": {"expires_at": ended}}}
    text = json.dumps({"acls": [entry]})
    put(network, text)
    [rule] = load_policy(network.pk).rules
    assert not rule.enabled
    assert put(network, text) is None
    assert export_policy(network_id=network.pk).text == text


def test_a_check_says_what_would_change_and_writes_nothing(network: Network, ours: str) -> None:
    before = state(network), load_policy(network.pk)
    found = check_policy_document(network_id=network.pk, text=ours, now=timezone.now())
    assert len(found.difference["rules"]["added"]) == 3
    assert [rule["name"] for rule in found.difference["rules"]["removed"]] == ["own devices"]
    assert found.difference["groups"]["added"] == {"ops": {"users": ["ana@example.com"], "groups": []}}
    assert (state(network), load_policy(network.pk)) == before


def test_a_check_of_what_is_in_force_finds_no_difference(network: Network, ours: str) -> None:
    put(network, ours)
    assert check_policy_document(network_id=network.pk, text=ours, now=timezone.now()).difference == {}


def test_a_host_named_like_a_node_is_refused(network: Network) -> None:
    NodeFactory(network=network, name="db")
    with pytest.raises(ConflictError):
        put(network, '{"hosts": {"db": "192.0.2.1"}, "acls": []}')


def test_two_writers_do_not_overwrite_each_other(network: Network, ours: str) -> None:
    first = second = export_policy(network_id=network.pk).tag
    put(network, ours, tag=first)
    with pytest.raises(OutdatedError):
        put(network, '{"acls": []}', tag=second)
    assert load_policy(network.pk).rules != ()
