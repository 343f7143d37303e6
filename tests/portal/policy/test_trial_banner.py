"""The policy on trial, above every page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from acl.models import PolicyTrial
from nodes.models import Network
from portal.policy.trial import clock
from tests.portal.pages import text_of
from tests.portal.policy.conftest import rule_names

pytestmark = pytest.mark.django_db


def test_every_page_says_which_policy_reverts_and_when(client: Client, trial: PolicyTrial) -> None:
    for address in ("/admin/", "/admin/nodes/node/", "/admin/access/history/"):
        page = client.get(address).content.decode()
        assert f"Policy {trial.number}</a> is on trial" in page
        assert "begun " in page
        assert "Revert now" in page
        assert "Confirm</button>" in page


def test_without_a_trial_nothing_is_said(client: Client, policy: Network) -> None:
    assert "is on trial" not in client.get("/admin/").content.decode()


def test_who_may_not_decide_sees_no_buttons(as_role: Callable[[str], Client], trial: PolicyTrial) -> None:
    page = as_role("auditor").get("/admin/").content.decode()
    assert "is on trial" in page
    assert "Revert now" not in page


def test_who_may_not_see_the_policy_is_told_nothing(as_role: Callable[[str], Client], trial: PolicyTrial) -> None:
    assert "is on trial" not in as_role("support").get("/admin/").content.decode()


def test_confirming_keeps_it_and_leads_back(client: Client, trial: PolicyTrial) -> None:
    answer = client.post(f"/admin/access/trial/{trial.pk}/confirm/", {"next": "/admin/nodes/node/"})
    assert answer["Location"] == "/admin/nodes/node/"
    trial.refresh_from_db()
    assert trial.outcome == "confirmed"
    assert "is on trial" not in client.get("/admin/").content.decode()


def test_reverting_brings_the_one_before_back(client: Client, trial: PolicyTrial, policy: Network) -> None:
    answer = client.post(f"/admin/access/trial/{trial.pk}/revert/", {"next": "//elsewhere.example/"})
    assert answer["Location"] == "/admin/"
    assert rule_names(policy) == ["own devices", "all of it"]
    assert f"Policy {trial.number} is reverted" in client.get("/admin/").content.decode()


def test_who_comes_too_late_is_told_what_became_of_it(client: Client, trial: PolicyTrial) -> None:
    client.post(f"/admin/access/trial/{trial.pk}/revert/")
    client.get("/admin/")
    client.post(f"/admin/access/trial/{trial.pk}/confirm/")
    assert "was reverted at" in client.get("/admin/").content.decode()


def test_one_that_cannot_be_reverted_says_why(client: Client, trial: PolicyTrial) -> None:
    PolicyTrial.objects.update(problem="The host db has the name of a node.")
    page = client.get("/admin/").content.decode()
    assert "could not be reverted" in page
    assert "The host db has the name of a node." in page


@pytest.mark.parametrize(
    ("seconds", "words"), [(300, "5:00"), (252.4, "4:12"), (59, "0:59"), (0, "0:00"), (-5, "0:00"), (3600, "60:00")]
)
def test_a_clock_counts_minutes_and_seconds(seconds: float, words: str) -> None:
    assert clock(timedelta(seconds=seconds)) == words


def test_the_log_says_that_it_was_confirmed(client: Client, trial: PolicyTrial) -> None:
    client.post(f"/admin/access/trial/{trial.pk}/confirm/")
    assert f"Policy {trial.number} is confirmed after its trial" in text_of(client.get("/admin/nodes/change/"))
