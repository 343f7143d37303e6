"""What a rule says, in words: the same in lists, previews and explanations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from mesh.policy import Schedule
from nodes.models import Node
from portal.rule_words import schedule_words
from tests import factories as make
from tests.portal.pages import text_of

END = datetime(2026, 12, 31, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Schedule(), "always"),
        (Schedule(frozenset(range(5)), 480, 1080, "Europe/Berlin"), "weekdays 08:00-18:00 Europe/Berlin"),
        (Schedule(frozenset((5, 6))), "weekends UTC"),
        (Schedule(frozenset(range(6))), "mon,tue,wed,thu,fri,sat UTC"),
        (Schedule(frozenset((0, 5, 6))), "mon,sat,sun UTC"),
        (Schedule(frozenset(range(7)), 1320, 1440), "daily 22:00-24:00 UTC"),
        (Schedule(start=0, end=60), "daily 00:00-01:00 UTC"),
        (Schedule(not_before=END), "from 31 Dec 2026 18:00 UTC"),
        (Schedule(frozenset((1,)), expires_at=END), "tue UTC, until 31 Dec 2026 18:00 UTC"),
    ],
)
def test_schedules(schedule: Schedule, words: str) -> None:
    assert schedule_words(schedule) == words


@pytest.mark.django_db
def test_an_explanation_tells_conditions_as_the_rules_do(client: Client, network: Any) -> None:
    for number, name in enumerate(("one", "two"), start=1):
        node = make.NodeFactory(network=network, name=name)
        make.AddressFactory(node=node, network=network, address=f"10.1.0.{number}")
    Node.objects.filter(name="one").update(agent_version="1.5", posture={"site": "R or D"})
    conditions: list[dict[str, Any]] = [{"agent_version": "1.4"}, {"attribute": "site", "equals": "R or D"}]
    make.AclRuleFactory(network=network, position=1, sources=["*"], destinations=["*"], conditions=conditions)
    said = text_of(client.get("/admin/access/?from=one&to=two"))
    for words in ("agent is at least 1.4", 'site is "R or D"'):
        assert said.count(words) == 2, words
