"""How the portal does, over the API."""

from __future__ import annotations

from datetime import timedelta

from coordinator.task_health import TASKS
from nodes.models import Network
from nodes.periodic import Run, run_store
from sessions_app.models import User
from tests.admin_api.api import Api
from tests.fixtures import START, Clock, Join


def test_networks_in_numbers(api: Api, join: Join, ana: User) -> None:
    node = join(ana, "web").node
    type(node).objects.update(online=True)
    [told] = api.get("status")["networks"]
    network = Network.objects.get()
    assert told == {
        "name": "default",
        "map_version": network.map_version,
        "policy_version": network.policy_version,
        "nodes": 1,
        "online": 1,
    }


def test_tasks_and_their_last_runs(api: Api, clock: Clock) -> None:
    run_store().note(Run("nodes.sweep", START, 0.25, 1.5, 3))
    status = api.get("status")
    assert (status["state"], [task["name"] for task in status["tasks"]]) == ("ok", sorted(TASKS))
    [sweep] = [task for task in status["tasks"] if task["name"] == "nodes.sweep"]
    assert (sweep["state"], sweep["last_seconds"], sweep["lag_seconds"], sweep["did"]) == ("ok", 0.25, 1.5, 3)


def test_a_silent_beat_degrades_it(api: Api, clock: Clock) -> None:
    for name in TASKS:
        run_store().note(Run(name, START - timedelta(hours=3), 0.1, 0.0))
    status = api.get("status")
    assert (status["state"], {task["state"] for task in status["tasks"]}) == ("degraded", {"silent"})
