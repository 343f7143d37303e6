"""When nodes were online, over the API and the shell."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings

from nodes.models import Node, OnlineSpan
from sessions_app.models import User
from tests.admin_api.api import Api
from tests.fixtures import START, Clock, Join

HOUR = timedelta(hours=1)


@pytest.fixture
def web(api: Api, join: Join, ana: User, clock: Clock) -> Node:
    """A node that was online for two of the last twenty-four hours, and is again."""
    node = join(ana, "web").node
    Node.objects.filter(pk=node.pk).update(created_at=START - timedelta(days=100))
    OnlineSpan.objects.create(node=node, began=START - 50 * HOUR, ended=START - 49 * HOUR)
    OnlineSpan.objects.create(node=node, began=START - HOUR)
    return node


def test_comings_and_goings(api: Api, web: Node) -> None:
    told = api.get(f"nodes/{web.pk}/history")["transitions"]
    assert [turn["online"] for turn in told] == [True, False, True]
    assert told[0]["at"] == "2026-03-02T11:00:00Z"


def test_days(api: Api, web: Node) -> None:
    told = api.get(f"nodes/{web.pk}/history")
    assert (len(told["days"]), told["since"]) == (31, "2026-01-31T12:00:00Z")
    assert told["days"][-1] == {"day": "2026-03-02", "seconds": 43200.0, "online_seconds": 3600.0, "drops": 0}
    assert sum(day["online_seconds"] for day in told["days"]) == 7200.0


def test_nothing_is_known_of_before_the_node_was_there(api: Api, join: Join, ana: User) -> None:
    node = join(ana, "web").node
    assert api.get(f"nodes/{node.pk}/history")["transitions"] == []
    assert len(api.get(f"nodes/{node.pk}/history")["days"]) == 1


def test_as_far_back_as_the_configuration_says(api: Api, web: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    short = settings.GHOSTWIRE.retention.model_copy(update={"history": timedelta(days=1)})
    monkeypatch.setattr(settings, "GHOSTWIRE", settings.GHOSTWIRE.model_copy(update={"retention": short}))
    told = api.get(f"nodes/{web.pk}/history")
    assert (len(told["days"]), [turn["online"] for turn in told["transitions"]]) == (2, [True])
