"""Acts on all nodes that match, by the API."""

from __future__ import annotations

from typing import Any

from coordinator.jobs.run import run_jobs
from nodes.models import Job, Network, Node
from tests.admin_api.api import Api, faults, refusal
from tests.coordinator.jobs.fleet import tagged_nodes


def body(act: str = "tags", **more: Any) -> dict[str, Any]:
    arguments = {"arguments": {"tags": ["tag:eu"]}} if act == "tags" else {}
    return {"act": act, "nodes": {"tag": "tag:web"}, **arguments, **more}


def test_a_job_from_its_call_to_its_undoing(api: Api, network: Network) -> None:
    nodes = tagged_nodes(network, 3)
    made = api.post("jobs", body(), status=201)
    assert (made["state"], made["total"], made["node_ids"]) == ("waiting", 3, [node.pk for node in nodes])
    run_jobs()
    done = api.get(f"jobs/{made['id']}")
    assert (done["state"], done["changed"], done["can_undo"], len(done["versions"])) == ("done", 3, True, 1)
    assert sorted(row.tag for row in nodes[0].tags.all()) == ["tag:eu", "tag:web"]
    undo = api.post(f"jobs/{made['id']}/undo", status=201)
    run_jobs()
    assert api.get(f"jobs/{undo['id']}")["changed"] == 3
    assert [row.tag for row in nodes[0].tags.all()] == ["tag:web"]
    assert api.get(f"jobs/{made['id']}")["undone_by"] == undo["id"]


def test_a_dry_run_says_whom_and_waits_for_consent(api: Api, network: Network) -> None:
    tagged_nodes(network, 3)
    plan = api.post("jobs", body("disable", dry_run=True), status=201)
    assert (plan["state"], plan["preview"]["changes"]) == ("planned", 3)
    run_jobs()
    assert not Node.objects.filter(state="disabled").exists()
    assert refusal(api("POST", f"jobs/{plan['id']}/start", {"nodes": 2}))[0] == 409
    api.post(f"jobs/{plan['id']}/start", {"nodes": 3})
    run_jobs()
    assert Node.objects.filter(state="disabled").count() == 3


def test_a_plan_may_be_dropped(api: Api, network: Network) -> None:
    tagged_nodes(network, 1)
    plan = api.post("jobs", body("disable", dry_run=True), status=201)
    assert api.post(f"jobs/{plan['id']}/cancel")["state"] == "cancelled"
    assert refusal(api("POST", f"jobs/{plan['id']}/start", {"nodes": 1}))[0] == 409


def test_what_cannot_be(api: Api, network: Network) -> None:
    tagged_nodes(network, 1)
    assert faults(api("POST", "jobs", body(arguments={"tags": ["no tag"]}))) == ["tags.0"]
    assert faults(api("POST", "jobs", body(nodes={"status": "sleepy"}))) == ["status"]
    assert faults(api("POST", "jobs", body(nodes={"nonsense": "1"}))) == ["nodes.nonsense"]
    assert refusal(api("POST", "jobs", body(nodes={"tag": "tag:none"})))[0] == 409
    assert not Job.objects.exists()
