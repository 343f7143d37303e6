"""Edits of a policy over the API: schedules, conditions, order, lost updates, objections."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from acl import judges
from acl.judges import appoint_judge
from acl.models import AclRule, PolicyVersion
from nodes.models import Network
from tests.coordinator.policy_calls import Caller, caller

ANY = {"action": "accept", "sources": ["*"], "destinations": ["*"]}
OFFICE = {"weekdays": ["mon"], "start": "08:00", "end": "18:00", "timezone": "Europe/Berlin"}


@pytest.fixture
def call(network: Network) -> Caller:
    return caller("network_admin")


@pytest.fixture
def objection() -> Iterator[None]:
    appointed = dict(judges._judges)
    judges._judges.clear()
    appoint_judge("against", lambda proposal: ("A test would break.",))
    yield
    judges._judges.clear()
    judges._judges.update(appointed)


def test_a_rule_with_a_schedule_and_conditions_reads_as_it_was_written(call: Caller) -> None:
    fields = ANY | {"schedule": OFFICE, "conditions": [{"os": ["linux"]}, {"attribute": "disk", "in": [True, 1]}]}
    made = call("post", "acl/rules", fields)
    assert made.status_code == 201, made.content
    read = call("get", f"acl/rules/{made.json()['id']}").json()
    assert {name: read[name] for name in fields} == fields


def test_temporary_access_is_visible_as_such(call: Caller) -> None:
    ends = (timezone.now() + timedelta(days=1)).replace(microsecond=0)
    made = call("post", "acl/rules", ANY | {"schedule": {"expires_at": ends.isoformat()}}).json()
    instant = ends.isoformat().replace("+00:00", "Z")
    assert made["schedule"] == {"expires_at": instant}
    assert (made["state"], made["changes_at"]) == ("on", instant)


def test_a_rule_that_begins_later_waits(call: Caller) -> None:
    begins = timezone.now() + timedelta(days=1)
    assert (
        call("post", "acl/rules", ANY | {"schedule": {"not_before": begins.isoformat()}}).json()["state"] == "waiting"
    )


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"schedule": {"timezone": "Mars/Base"}}, "schedule"),
        ({"schedule": {"start": "08:00"}}, "schedule"),
        ({"schedule": "always"}, "schedule"),
        ({"conditions": [{"os": []}]}, "conditions.0"),
        ({"conditions": {"os": ["linux"]}}, "conditions"),
        ({"schedule": {"expires_at": "2020-01-01T00:00:00Z"}}, "schedule"),
    ],
)
def test_what_is_wrong_is_named(call: Caller, fields: dict[str, Any], fault: str) -> None:
    response = call("post", "acl/rules", ANY | fields)
    assert response.status_code == 400
    assert [item["field"] for item in response.json()["errors"]] == [fault]


def test_an_edit_names_the_version_it_was_made_against_and_is_refused_when_that_is_gone(call: Caller) -> None:
    tag = call("get", "acl/rules")["ETag"]
    assert call("post", "acl/rules", ANY, If_Match=tag).status_code == 201
    late = call("post", "acl/rules", ANY | {"name": "late"}, If_Match=tag)
    assert (late.status_code, late.json()["code"]) == (412, "conflict")
    assert not AclRule.objects.filter(name="late").exists()


def test_the_answer_to_an_edit_carries_the_version_for_the_next_one(call: Caller) -> None:
    tag = call("post", "acl/rules", ANY)["ETag"]
    assert call("post", "acl/hosts", {"name": "db", "prefix": "192.0.2.1"}, If_Match=tag).status_code == 201


@pytest.mark.parametrize("tag", ['W/"1"', '"1", "2"', "1", '"x"'])
def test_what_is_no_etag_of_a_policy_is_refused(call: Caller, tag: str) -> None:
    assert call("post", "acl/rules", ANY, If_Match=tag).status_code == 400


def test_any_version_will_do_for_a_star(call: Caller) -> None:
    assert call("post", "acl/rules", ANY, If_Match="*").status_code == 201


def test_all_rules_are_put_in_another_order_at_once(call: Caller, network: Network) -> None:
    call("post", "acl/rules", ANY)
    ids = [rule["id"] for rule in call("get", "acl/rules").json()["results"]]
    response = call("put", "acl/rules/order", {"order": ids[::-1]})
    assert response.status_code == 200
    assert [rule["id"] for rule in call("get", "acl/rules").json()["results"]] == ids[::-1]


def test_an_order_that_misses_a_rule_is_a_conflict(call: Caller) -> None:
    call("post", "acl/rules", ANY)
    [first, _] = [rule["id"] for rule in call("get", "acl/rules").json()["results"]]
    assert call("put", "acl/rules/order", {"order": [first]}).status_code == 409


@pytest.mark.usefixtures("objection")
def test_an_objection_is_a_conflict_in_its_own_words_unless_forced(call: Caller, network: Network) -> None:
    refused = call("post", "acl/rules", ANY)
    assert refused.status_code == 409
    assert "A test would break." in refused.json()["detail"]
    assert call("post", "acl/rules?force=true", ANY).status_code == 201
    assert PolicyVersion.objects.filter(network=network).latest("number").forced


@pytest.mark.parametrize(("noun", "body", "selector"), [
    ("hosts", {"name": "db", "prefix": "192.0.2.1"}, "host:db"),
    ("groups", {"name": "ops"}, "group:ops"),
    ("tags", {"tag": "tag:db", "owners": []}, "tag:db"),
])  # fmt: skip
def test_what_a_deny_names_is_deleted_by_force_alone(
    call: Caller, noun: str, body: dict[str, Any], selector: str
) -> None:
    made = call("post", f"acl/{noun}", body)
    assert made.status_code == 201, made.content
    call("post", "acl/rules", ANY | {"action": "deny", "sources": [selector]})
    assert call("delete", f"acl/{noun}/{made.json()['id']}").status_code == 409
    assert call("delete", f"acl/{noun}/{made.json()['id']}?force=true").status_code == 204


@pytest.mark.parametrize(("role", "status"), [("auditor", 403), ("support", 404), ("member", 404), ("admin", 201)])
@pytest.mark.usefixtures("network")
def test_who_may_edit(role: str, status: int) -> None:
    assert caller(role)("post", "acl/rules", ANY).status_code == status
