"""The history of the policy: who changed what, what going back would do, and going back."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils import timezone

from acl.models import AclRule, PolicyTrial
from acl.services.rules import delete_rule, update_rule
from mesh.change import Cause
from nodes.models import Change, Network
from portal.policy.version import diff_rows
from tests.portal.pages import read, text_of
from tests.portal.policy.conftest import rule_names

pytestmark = pytest.mark.django_db
RESTORE = "/admin/access/history/1/restore/"


def edit(network: Network, **fields: object) -> None:
    rule = AclRule.objects.get(network=network, name="all of it")
    update_rule(rule_id=rule.pk, fields=fields, cause=Cause.command(), now=timezone.now())


def test_every_version_says_who_when_and_what(client: Client, policy: Network) -> None:
    said = text_of(client.get("/admin/access/history/"))
    assert "Policy 2 In force 1 rule added, 1 tag added by Mara Lindqvist" in said
    assert "Policy 1 Replaced" in said


def test_the_page_goes_on_from_a_number(client: Client, policy: Network) -> None:
    said = text_of(client.get("/admin/access/history/?before=2"))
    assert "Policy 1 Replaced" in said
    assert "Policy 2 In force" not in said


def test_what_was_reverted_says_so(client: Client, policy: Network, trial: PolicyTrial) -> None:
    assert "Policy 3 On trial" in text_of(client.get("/admin/access/history/"))
    client.post(f"/admin/access/trial/{trial.pk}/revert/")
    assert "Policy 3 Reverted" in text_of(client.get("/admin/access/history/"))


def test_a_version_shows_rules_as_sentences(client: Client, policy: Network) -> None:
    said = text_of(client.get("/admin/access/history/2/"))
    assert "From policy 1 to policy 2" in said
    assert "added: + everything may reach everything on any port as rule 2 all of it" in said


def test_a_changed_rule_says_what_it_was(client: Client, policy: Network) -> None:
    edit(policy, sources=["tag:db"], ports=["22"])
    said = text_of(client.get("/admin/access/history/3/"))
    assert "changed: ~ tag: db may reach everything on 22 was everything may reach everything on any port" in said
    assert "rule 2: sources, ports all of it" in said


def test_a_rule_that_came_back_with_another_id_is_no_difference(client: Client, policy: Network) -> None:
    delete_rule(rule_id=AclRule.objects.get(name="all of it").pk, cause=Cause.command(), now=timezone.now())
    client.post("/admin/access/history/2/restore/", {"version": "3"})
    assert rule_names(policy) == ["own devices", "all of it"]
    assert "Both say the same." in text_of(client.get("/admin/access/history/4/?to=2"))


def test_an_event_leads_to_what_it_did_to_the_policy(client: Client, policy: Network) -> None:
    edit(policy, sources=["tag:db"])
    change = Change.objects.filter(kind="policy").order_by("-version")[0]
    said = read(client.get(f"/admin/nodes/change/{change.pk}/change/"))
    assert "/admin/access/history/3/?network=main" in said.hrefs
    assert client.get("/admin/access/history/3/?network=main").status_code == 200


def test_against_no_policy_all_of_it_is_new(client: Client, policy: Network) -> None:
    said = text_of(client.get("/admin/access/history/2/?to=0"))
    assert "All that policy 2 says" in said
    assert said.count("added:") >= 2


def test_the_effect_is_counted_among_the_nodes_of_today(client: Client, policy: Network) -> None:
    said = text_of(client.get("/admin/access/history/2/effect/?to=1"))
    assert "+1 pair gained 0 pairs lost" in said
    assert "laptop" in said
    assert "server" in said


def test_a_version_is_a_file(client: Client, policy: Network) -> None:
    answer = client.get("/admin/access/history/2/document/")
    assert 'filename="main-policy-2.hujson"' in answer["Content-Disposition"]
    assert '"all of it"' in answer.content.decode()


def test_going_back_first_says_what_is_cut(client: Client, policy: Network) -> None:
    said = text_of(client.get(RESTORE))
    assert "−1 pair lost" in said
    assert "laptop , your own machine, loses 1 of 1 peers: server." in said
    assert "Cut 1 pair of nodes" in said
    assert rule_names(policy) == ["own devices", "all of it"]


def test_going_back_makes_a_new_version(client: Client, policy: Network) -> None:
    answer = client.post(RESTORE, {"version": "2"}, follow=True)
    assert "Policy 3 is in force: it says what policy 1 said." in text_of(answer)
    assert rule_names(policy) == ["own devices"]


def test_going_back_can_be_tried(client: Client, policy: Network) -> None:
    said = text_of(client.post(RESTORE, {"version": "2", "confirm_within": "300"}, follow=True))
    assert re.search(r"Policy 3 is on trial , reverts in [45]:\d\d", said)


@pytest.mark.parametrize("seconds", ["5", "99999", "soon"])
def test_a_trial_of_another_length_is_refused(client: Client, policy: Network, seconds: str) -> None:
    assert client.post(RESTORE, {"version": "2", "confirm_within": seconds}).status_code == 409
    assert not PolicyTrial.objects.exists()


def test_going_back_from_another_version_than_was_seen_is_refused(client: Client, policy: Network) -> None:
    edit(policy, ports=["22"])
    answer = client.post(RESTORE, {"version": "2"})
    assert answer.status_code == 409
    assert "The policy is at version 3 by now" in text_of(answer)
    assert rule_names(policy) == ["own devices", "all of it"]


def test_lines_of_a_difference_have_the_numbers_of_both_sides() -> None:
    old = [f"line {number}" for number in range(1, 11)]
    new = [*old[:4], "more", *old[4:7], *old[8:]]
    rows = [(row["kind"], row["text"], row.get("one"), row.get("two")) for row in diff_rows(old, new)]
    assert ("added", "more", "", 5) in rows
    assert ("removed", "line 8", 8, "") in rows
    assert ("same", "line 9", 9, 9) in rows
    assert diff_rows(old, new, skip=1, drop=0)[1:] == diff_rows(old, new)[1:]


def test_lines_before_and_after_nothing_are_numbered_from_one() -> None:
    assert [row.get("two") for row in diff_rows([], ["a", "b"])][1:] == [1, 2]
    assert [row.get("one") for row in diff_rows(["a", "b"], [])][1:] == [1, 2]
