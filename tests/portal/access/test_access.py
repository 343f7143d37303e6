"""The rules' page, and the calls behind it: who may, what they say, and that a draft is one change or none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from acl.models import AclRule, PolicyTrial
from acl.services.rules import create_rule
from mesh.change import Cause
from nodes.models import Change, Node
from sessions_app.models import User
from tests import factories as make
from tests.factories import NOW
from tests.portal.pages import text_of

pytestmark = pytest.mark.django_db
OPEN: dict[str, Any] = {"action": "accept", "sources": ["*"], "destinations": ["*"]}
SEES = {"owner", "admin", "network_admin", "auditor"}
EDITS = {"owner", "admin", "network_admin"}
BASE = "/admin/access/"


@pytest.fixture
def pair(network: Any) -> None:
    for number, name in enumerate(("one", "two"), start=1):
        node = make.NodeFactory(network=network, name=name)
        make.AddressFactory(node=node, network=network, address=f"10.1.0.{number}")


def post(client: Client, name: str, **body: Any) -> Any:
    return client.post(f"{BASE}{name}/", json.dumps(body), content_type="application/json")


def new(**fields: Any) -> list[dict[str, Any]]:
    return [{"do": "create", "fields": OPEN | fields}]


@pytest.mark.parametrize("role", [role for role in User.Role.values if role != "member"])
def test_who_sees_and_who_edits(as_role: Callable[[str], Client], network: Any, role: str) -> None:
    client = as_role(role)
    asked = [client.get(BASE), client.get(f"{BASE}state/"), client.get(f"{BASE}explain/")]
    asked += [client.get(f"{BASE}names/", {"q": "", "scope": "source"}), post(client, "preview", edits=[])]
    assert {item.status_code for item in asked} == ({200} if role in SEES else {403})
    network.refresh_from_db()
    applied = post(client, "apply", edits=[], version=network.policy_version)
    assert applied.status_code == (200 if role in EDITS else 403)


def test_the_draft_s_preview_is_the_engine_s_and_names_pairs(client: Client, pair: None) -> None:
    found = post(client, "preview", edits=new()).json()
    assert (found["gained"], found["lost"], found["touched"]) == (1, 0, 2)
    assert found["gained_by"][0]["first"] == [["one", "two"]]


def test_a_name_that_does_not_exist_is_said_with_what_was_meant(client: Client, network: Any) -> None:
    make.GroupFactory(network=network, name="ops")
    response = post(client, "preview", edits=new(sources=["*", "group:opps"]))
    fault = response.json()["errors"][0]
    assert (response.status_code, fault["field"], fault["meant"]) == (400, "edits.0.sources.1", "group:ops")


def test_a_draft_is_one_change(client: Client, network: Any, pair: None) -> None:
    network.refresh_from_db()
    before = Change.objects.count()
    edits = new(ports=["22"]) + new(ports=["443"])
    assert post(client, "apply", edits=edits, version=network.policy_version).json()["changed"]
    assert (Change.objects.count(), AclRule.objects.count()) == (before + 1, 2)


def test_somebody_else_s_policy_is_not_overwritten(client: Client, network: Any) -> None:
    network.refresh_from_db()
    seen = network.policy_version
    create_rule(network_id=network.pk, fields=OPEN | {"name": "theirs"}, cause=Cause.command(), now=NOW)
    assert post(client, "apply", edits=new(name="mine"), version=seen).status_code == 412
    assert list(AclRule.objects.values_list("name", flat=True)) == ["theirs"]
    told = client.get(f"{BASE}state/", {"since": seen}).json()
    assert [item["number"] for item in told["since"]] == [seen + 1]
    assert told["rules"][0]["name"] == "theirs"


def test_what_breaks_a_test_needs_force(client: Client, network: Any, pair: None) -> None:
    make.PolicyTestFactory(network=network, deny=[{"destination": "10.1.0.2/32", "ports": [[22, 22]]}])
    network.refresh_from_db()
    said = post(client, "preview", edits=new()).json()
    assert (len(said["tests"]), len(said["objections"])) == (1, 1)
    assert post(client, "apply", edits=new(), version=network.policy_version).status_code == 409
    assert post(client, "apply", edits=new(), version=network.policy_version, forced=True).json()["changed"]


def test_the_editor_is_told_when_a_rule_holds(client: Client, network: Any) -> None:
    make.AclRuleFactory(network=network, position=1, schedule={"weekdays": ["sat", "sun"], "timezone": "Europe/Berlin"})
    assert client.get(f"{BASE}state/").json()["rules"][0]["when"] == "weekends Europe/Berlin"


def test_what_one_s_own_machine_would_lose_is_said(client: Client, network: Any, owner: User, pair: None) -> None:
    node = Node.objects.get(name="one")
    Node.objects.filter(pk=node.pk).update(owner=owner)
    rule = create_rule(network_id=network.pk, fields=OPEN, cause=Cause.command(), now=NOW)
    own = post(client, "preview", edits=[{"do": "delete", "id": rule.pk}]).json()["own"]
    (machine,) = own["machines"]
    assert (machine["name"], machine["lost"], machine["first_lost"]) == ("one", 1, ["two"])
    assert (machine["url"], own["portal"]) == (f"/admin/nodes/node/{node.pk}/change/", False)


def test_a_remark_says_because_of_which_rule(client: Client, pair: None) -> None:
    remarks = post(client, "preview", edits=new(name="first") + new(ports=["22"])).json()["remarks"]
    shadowed = next(item for item in remarks if item["finding"] == "shadowed")
    assert (shadowed["position"], shadowed["by"]) == (2, [1])


def test_a_draft_says_when_its_rules_hold(client: Client, pair: None) -> None:
    limits = {"schedule": {"weekdays": ["sat", "sun"]}, "conditions": [{"os": ["linux"]}]}
    assert post(client, "preview", edits=new(**limits)).json()["when"] == ["weekends UTC, if os is linux"]
    fault = post(client, "preview", edits=new(schedule={"start": "08:00"})).json()["errors"][0]
    assert (fault["field"], fault["message"]) == ("edits.0.schedule", "a window needs both a start and an end")


def test_what_nodes_report_may_be_chosen(client: Client, pair: None) -> None:
    Node.objects.filter(name="one").update(os="Plan9", posture={"disk_encrypted": True})
    for scope, text, found in (("os", "pl", "plan9"), ("os", "lin", "linux"), ("posture", "d", "disk_encrypted")):
        said = client.get(f"{BASE}names/", {"q": text, "scope": scope}).json()["names"]
        assert [item["text"] for item in said] == [found]


def test_pairs_lead_to_their_nodes(client: Client, pair: None) -> None:
    pages = post(client, "preview", edits=new()).json()["pages"]
    assert {"node:one", "node:two"} <= set(pages)


def test_a_draft_may_be_put_on_trial(client: Client, network: Any) -> None:
    network.refresh_from_db()
    post(client, "apply", edits=new(), version=network.policy_version, confirm_within=300)
    assert PolicyTrial.objects.get(network=network).ended_at is None


def test_names_are_found_by_how_they_begin(client: Client, network: Any, pair: None) -> None:
    make.GroupFactory(network=network, name="ops")
    said = [client.get(f"{BASE}names/", {"q": text, "scope": "source"}).json()["names"] for text in ("o", "node:t")]
    assert {"group:ops", "node:one"} <= {item["text"] for item in said[0]}
    assert [item["text"] for item in said[1]] == ["node:two"]


def test_a_denial_leads_to_the_rule_that_decides(client: Client, network: Any, pair: None) -> None:
    rule = create_rule(
        network_id=network.pk, fields=OPEN | {"action": "deny", "name": "no"}, cause=Cause.command(), now=NOW
    )
    response = client.get(BASE, {"from": "one", "to": "two", "on": "tcp/22"})
    page = response.content.decode()
    assert "Denied" in text_of(response)
    assert f'href="#rule-{rule.pk}"' in page and f'id="rule-{rule.pk}"' in page


def test_a_draft_is_explained_before_it_is_in_force(client: Client, pair: None) -> None:
    said = post(client, "explain", edits=new(), **{"from": "one", "to": "two", "on": "22"})
    assert "Accepted" in said.content.decode()


def test_without_rules_the_page_says_so(client: Client, network: Any) -> None:
    assert "No rule yet" in text_of(client.get(BASE))
