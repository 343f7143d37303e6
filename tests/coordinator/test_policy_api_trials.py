"""Policies on trial over the API, and what a proposal would take from whoever makes it."""

from __future__ import annotations

from typing import Any

import pytest

from acl.models import AclRule, PolicyTrial
from nodes.models import Network
from sessions_app.models import User
from tests.coordinator.policy_calls import Caller, caller
from tests.factories import AddressFactory, NodeFactory, TaggedNodeFactory

ANY = {"action": "accept", "sources": ["*"], "destinations": ["*"], "name": "all"}
DOCUMENT = '{"acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"]}]} // all'
NOTHING = '{"acls": []}'


@pytest.fixture
def call(network: Network) -> Caller:
    return caller("network_admin")


@pytest.fixture
def own(network: Network, call: Caller) -> dict[str, Any]:
    """The caller's laptop, and a server that it reaches: by address 10.1.0.1 and 10.1.0.2."""
    person = User.objects.get(role="network_admin")
    laptop, server = NodeFactory(network=network, owner=person, name="laptop"), TaggedNodeFactory(network=network)
    for number, node in enumerate((laptop, server), start=1):
        AddressFactory(node=node, network=network, address=f"10.1.0.{number}")
    assert call("post", "acl/rules", ANY).status_code == 201
    return {"laptop": laptop, "server": server}


def in_force(network: Network) -> int:
    return Network.objects.values_list("policy_version", flat=True).get(pk=network.pk)


def test_a_document_on_trial_is_in_force_and_says_until_when(call: Caller, network: Network) -> None:
    before = in_force(network)
    answer = call("put", "policy?confirm_within=300", DOCUMENT)
    assert answer.status_code == 200, answer.content
    trial = answer.json()["trial"]
    assert (trial["version"], trial["former"], trial["outcome"]) == (before + 1, before, "")
    assert trial["seconds_left"] == 300
    assert in_force(network) == before + 1
    assert call("get", "policy/trial").json()["running"] is True


def test_the_same_document_again_is_the_same_trial(call: Caller) -> None:
    first = call("put", "policy?confirm_within=300", DOCUMENT).json()["trial"]
    again = call("put", "policy?confirm_within=600", DOCUMENT)
    assert again.status_code == 200
    assert again.json()["changed"] is False
    assert again.json()["trial"]["deadline"] == first["deadline"]


@pytest.mark.parametrize("seconds", ["29", "3601", "-60", "5m", "60.5"])
def test_a_time_that_is_none_is_refused(call: Caller, network: Network, seconds: str) -> None:
    answer = call("put", f"policy?confirm_within={seconds}", DOCUMENT)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "confirm_within"
    assert not PolicyTrial.objects.exists()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "acl/rules", ANY | {"name": "more"}),
        ("patch", "acl/rules/{rule}", {"enabled": False}),
        ("delete", "acl/rules/{rule}", None),
        ("post", "acl/rules/{rule}/move", {"position": 1}),
        ("put", "acl/rules/order", "reversed"),
        ("post", "policy/versions/1/rollback", {}),
    ],
)
def test_edits_of_rules_and_rollbacks_may_be_tried_too(call: Caller, method: str, path: str, body: Any) -> None:
    rule = call("post", "acl/rules", ANY).json()["id"]
    if body == "reversed":
        body = {"order": list(AclRule.objects.order_by("-position").values_list("pk", flat=True))}
    answer = call(method, path.format(rule=rule) + "?confirm_within=60", body)
    assert answer.status_code in (200, 201, 204), answer.content
    assert call("get", "policy/trial").json()["running"] is True


def test_confirmed_it_stays_and_the_next_edit_is_taken(call: Caller) -> None:
    version = call("put", "policy?confirm_within=300", DOCUMENT).json()["version"]
    assert call("post", "acl/rules", ANY).status_code == 409
    done = call("post", "policy/trial/confirm", {"version": version})
    assert (done.status_code, done.json()["outcome"]) == (200, "confirmed")
    assert call("post", "policy/trial/confirm", {"version": version}).status_code == 200
    assert call("get", "policy/trial").json()["running"] is False
    assert call("post", "acl/rules", ANY).status_code == 201


def test_reverted_the_one_before_is_back_as_a_new_version(call: Caller, network: Network) -> None:
    version = call("put", "policy?confirm_within=300", DOCUMENT).json()["version"]
    done = call("post", "policy/trial/revert", {})
    assert (done.json()["outcome"], done.json()["result"]) == ("reverted", version + 1)
    assert call("post", "policy/trial/confirm", {}).status_code == 409
    assert call("get", f"policy/versions/{version - 1}/diff").json()["text"] == ""


def test_another_version_than_the_one_on_trial_is_not_found(call: Caller) -> None:
    version = call("put", "policy?confirm_within=300", DOCUMENT).json()["version"]
    assert call("post", "policy/trial/confirm", {"version": version + 1}).status_code == 404


def test_a_dry_run_begins_nothing(call: Caller) -> None:
    assert call("put", "policy?confirm_within=300&dry_run=true", DOCUMENT).json()["trial"] is None
    assert not PolicyTrial.objects.exists()


def test_a_dry_run_says_which_of_the_callers_machines_lose_whom(call: Caller, own: dict[str, Any]) -> None:
    said = call("put", "policy?dry_run=true", NOTHING).json()["own"]
    assert said == {
        "portal": False,
        "machines": [
            {
                "id": own["laptop"].pk,
                "name": "laptop",
                "here": False,
                "peers": 1,
                "lost": 1,
                "first_lost": [own["server"].name],
            }
        ],
    }


def test_a_preview_says_it_too(call: Caller, own: dict[str, Any]) -> None:
    rule = AclRule.objects.get(name="all")
    said = call("post", "policy/preview", {"edits": [{"do": "delete", "id": rule.pk}]}).json()["own"]
    assert [item["name"] for item in said["machines"]] == ["laptop"]


def test_a_policy_that_takes_nothing_from_the_caller_says_nothing(call: Caller, own: dict[str, Any]) -> None:
    assert call("put", "policy?dry_run=true", DOCUMENT).json()["own"] == {"portal": False, "machines": []}


def test_what_is_in_force_says_nothing_of_own_machines(call: Caller, own: dict[str, Any]) -> None:
    assert call("put", "policy", DOCUMENT).json()["own"] is None
