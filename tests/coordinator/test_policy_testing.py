"""Stored tests, run at every change of a policy."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from acl.models import AclRule, PolicyTest
from acl.selectors import latest_version
from acl.services.assertions import create_test
from acl.services.groups import save_group
from acl.services.rules import create_rule, delete_rule, update_rule
from coordinator.policy.documents import check_policy_document, export_policy, import_policy
from coordinator.policy.testing import run_tests
from coordinator.replica import REPLICAS
from mesh.change import Cause
from mesh.errors import ConflictError
from mesh.policy import Policy, TagOwner
from nodes.models import Network
from tests.coordinator.policy_calls import Caller, caller
from tests.coordinator.policy_networks import BASE, build_network, put

SSH = {
    "action": "accept",
    "sources": ["user:u1@example.com"],
    "destinations": ["tag:a"],
    "ports": ["22"],
    "name": "ssh",
}
TEST = {"source": "user:u1@example.com", "accept": ["tag:a:22"], "deny": ["tag:a:80"]}


def act() -> dict[str, Any]:
    return {"cause": Cause.command(), "now": timezone.now()}


@pytest.fixture
def rule(network: Network) -> AclRule:
    """The one rule of a network of five nodes, and a stored test that it keeps."""
    build_network(network)
    with transaction.atomic():
        put(network, Policy(tag_owners=(TagOwner("tag:a"),)))
    REPLICAS.clear()
    made = create_rule(network_id=network.pk, fields=SSH, **act())
    create_test(network_id=network.pk, fields=TEST, **act())
    return made


def test_a_change_that_breaks_a_test_is_refused_in_words(network: Network, rule: AclRule) -> None:
    with pytest.raises(ConflictError) as caught:
        update_rule(rule_id=rule.pk, fields={"ports": ["23"]}, **act())
    assert "A test breaks: from user:u1@example.com, tag:a:22" in caught.value.detail
    rule.refresh_from_db()
    assert rule.ports == [[22, 22]]


@pytest.mark.parametrize("fields", [{"enabled": False}, {"action": "deny"}, {"ports": []}])
def test_whatever_breaks_it(network: Network, rule: AclRule, fields: dict[str, Any]) -> None:
    with pytest.raises(ConflictError):
        update_rule(rule_id=rule.pk, fields=fields, **act())


def test_deletion_breaks_it_too(network: Network, rule: AclRule) -> None:
    with pytest.raises(ConflictError):
        delete_rule(rule_id=rule.pk, **act())
    assert AclRule.objects.filter(pk=rule.pk).exists()


def test_a_change_that_breaks_a_test_is_recorded_when_forced(network: Network, rule: AclRule) -> None:
    update_rule(rule_id=rule.pk, fields={"ports": ["23"]}, forced=True, **act())
    version = latest_version(network.pk)
    assert version is not None and version.forced
    assert version.objections[0].startswith("A test breaks")


def test_a_test_that_is_broken_already_is_in_nobodys_way(network: Network, rule: AclRule) -> None:
    update_rule(rule_id=rule.pk, fields={"ports": ["23"]}, forced=True, **act())
    update_rule(rule_id=rule.pk, fields={"comment": "moved"}, **act())
    version = latest_version(network.pk)
    assert version is not None and not version.forced


def test_a_new_test_that_fails_at_once_is_refused(network: Network, rule: AclRule) -> None:
    with pytest.raises(ConflictError):
        create_test(network_id=network.pk, fields=TEST | {"accept": ["tag:a:443"]}, **act())
    assert PolicyTest.objects.count() == 1


def test_a_change_of_a_group_runs_the_tests(network: Network, rule: AclRule) -> None:
    group = save_group(network_id=network.pk, name="ops", users=[BASE + 2], subgroups=[], **act())
    create_rule(network_id=network.pk, fields=SSH | {"sources": ["group:ops"], "name": "ops"}, **act())
    create_test(network_id=network.pk, fields={"source": "user:u2@example.com", "accept": ["tag:a:22"]}, **act())
    with pytest.raises(ConflictError):
        save_group(network_id=network.pk, group_id=group.pk, name="ops", users=[], subgroups=[], **act())


def test_a_document_that_breaks_its_tests_is_refused(network: Network, rule: AclRule) -> None:
    text = export_policy(network_id=network.pk).text.replace("tag:a:22", "tag:a:23", 1)
    with pytest.raises(ConflictError, match="A test breaks"):
        import_policy(network_id=network.pk, text=text, **act())
    checked = check_policy_document(network_id=network.pk, text=text, now=timezone.now())
    assert [outcome.passed for outcome in checked.assessment.outcomes] == [False]
    assert "A test breaks" in checked.assessment.objections[0]


def test_stored_tests_are_run_against_what_is_in_force(network: Network, rule: AclRule) -> None:
    assert [item.outcome.passed for item in run_tests(network_id=network.pk)] == [True]
    update_rule(rule_id=rule.pk, fields={"ports": ["22", "80"]}, forced=True, **act())
    [item] = run_tests(network_id=network.pk)
    [failure] = item.outcome.failures
    assert (failure.accept, failure.position) == (False, 1)


@pytest.fixture
def call(rule: AclRule) -> Caller:
    return caller("network_admin")


def test_tests_over_the_api_say_whether_they_hold(call: Caller, rule: AclRule) -> None:
    body = call("get", "policy/tests").json()
    assert body["passed"] is True
    [test] = body["tests"]
    assert {name: test[name] for name in TEST} == TEST
    update_rule(rule_id=rule.pk, fields={"ports": ["23"]}, forced=True, **act())
    body = call("get", "policy/tests").json()
    assert body["passed"] is False
    [failure] = body["tests"][0]["failures"]
    assert (failure["target"], failure["wanted"], failure["position"]) == ("tag:a:22", "accept", None)


def test_a_test_is_made_changed_and_removed_over_the_api(call: Caller) -> None:
    fields = {"source": "user:u1@example.com", "accept": ["node:n4:22"], "protocol": "tcp"}
    made = call("post", "policy/tests", fields)
    assert made.status_code == 201, made.content
    path = f"policy/tests/{made.json()['id']}"
    changed = call("patch", path, {"deny": ["node:n4:443"]})
    assert changed.json()["deny"] == ["node:n4:443"]
    assert call("delete", path).status_code == 204
    assert call("get", path).status_code == 404


def test_a_test_that_fails_is_refused_over_the_api_unless_forced(call: Caller) -> None:
    body = {"source": "user:u1@example.com", "accept": ["node:n4:443"]}
    assert call("post", "policy/tests", body).status_code == 409
    assert call("post", "policy/tests?force=true", body).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"accept": ["tag:a:22"]}, "source"),
        ({"source": "node:x", "accept": ["tag:a:22"]}, "source"),
        ({"source": "node:n1", "accept": ["tag:a"]}, "accept.0"),
        ({"source": "node:n1", "accept": ["tag:a:22"], "posture": {"a": []}}, "posture.a"),
    ],
)
def test_what_is_wrong_with_a_test_is_named(call: Caller, body: dict[str, Any], field: str) -> None:
    response = call("post", "policy/tests", body)
    assert response.status_code == 400
    assert [item["field"] for item in response.json()["errors"]] == [field]


def test_a_preview_names_the_tests_that_would_break(call: Caller, rule: AclRule) -> None:
    body = call("post", "policy/preview", {"edits": [{"do": "delete", "id": rule.pk}]}).json()
    assert [test["source"] for test in body["tests"]] == ["user:u1@example.com"]
    assert body["objections"][0].startswith("A test breaks")


def test_who_may_see_and_make_tests(rule: AclRule) -> None:
    auditor = caller("auditor")
    assert auditor("get", "policy/tests").status_code == 200
    assert auditor("post", "policy/tests", TEST).status_code == 403
    assert caller("support")("get", "policy/tests").status_code == 404
