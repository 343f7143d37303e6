from __future__ import annotations

import pytest

from coordinator.management.commands import status as command
from nodes.models import Network
from nodes.periodic import Run, run_store
from tests.cli.conftest import Run as Invoke
from tests.fixtures import START, Clock


def test_without_redis_tasks_are_the_server_s_to_know(run: Invoke, network: Network) -> None:
    outcome = run("status", "show", "--json")
    assert (outcome.json["state"], outcome.json["tasks"]) == ("unknown", None)
    assert "known to the server's own process" in outcome.err
    assert outcome.json["networks"][0]["name"] == "default"


def test_where_redis_shares_them(run: Invoke, network: Network, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    run_store().note(Run("nodes.sweep", START, 0.25, 1.5, 3))
    monkeypatch.setattr(command, "run_store", lambda: "not the memory of this process")
    shown = run("status", width=120)
    assert (shown.code, "nodes.sweep" in shown.out) == (0, True)
    assert run("status", "show", "-o", "json").json["state"] == "ok"


@pytest.mark.parametrize("words", [[], ["--json"], ["show", "--json"], ["-o", "yaml"]])
def test_its_verb_need_not_be_said(words: list[str]) -> None:
    assert command._with_verb(words) == ["show", *[word for word in words if word != "show"]]
