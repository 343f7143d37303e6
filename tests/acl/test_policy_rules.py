"""Rules with schedules and conditions, and their order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from acl.models import AclRule
from acl.selectors import rule_value
from acl.services.rules import create_rule, move_rule, reorder_rules, update_rule
from mesh.change import Cause
from mesh.errors import ConflictError, ValidationError
from mesh.policy import Condition, ConditionKind, Schedule
from nodes.models import Network
from tests.factories import NOW, NetworkFactory, NodeFactory

pytestmark = pytest.mark.django_db
ACT: dict[str, Any] = {"cause": Cause.command(), "now": NOW}
ANY = {"action": "accept", "sources": ["*"], "destinations": ["*"]}
OFFICE = {"weekdays": ["mon", "fri"], "start": "08:00", "end": "18:00", "timezone": "Europe/Berlin"}


@pytest.fixture
def network() -> Network:
    made: Network = NetworkFactory()
    return made


def create(network: Network, **fields: Any) -> AclRule:
    return create_rule(network_id=network.pk, fields=ANY | fields, **ACT)


def faults(error: ValidationError) -> list[str]:
    return [item.field for item in error.errors]


def test_a_schedule_comes_to_the_engine_as_it_was_written(network: Network) -> None:
    rule = create(network, schedule=OFFICE | {"expires_at": "2026-04-01T00:00:00+02:00"})
    rule.refresh_from_db()
    assert rule_value(rule).schedule == Schedule(
        frozenset({0, 4}), 480, 1080, "Europe/Berlin", None, datetime(2026, 3, 31, 22, tzinfo=UTC)
    )


def test_a_rule_without_a_schedule_has_none(network: Network) -> None:
    assert rule_value(create(network)).schedule is None


def test_a_schedule_is_taken_off_again(network: Network) -> None:
    rule = create(network, schedule=OFFICE)
    update_rule(rule_id=rule.pk, fields={"schedule": None}, **ACT)
    rule.refresh_from_db()
    assert rule_value(rule).schedule is None


def test_a_time_zone_that_does_not_exist_is_refused(network: Network) -> None:
    with pytest.raises(ValidationError) as caught:
        create(network, schedule=OFFICE | {"timezone": "Europe/Nowhere"})
    assert faults(caught.value) == ["schedule"]


def test_conditions_come_to_the_engine(network: Network) -> None:
    rule = create(network, conditions=[{"os": ["darwin"]}, {"attribute": "disk", "equals": True}])
    rule.refresh_from_db()
    assert rule_value(rule).conditions == (
        Condition(ConditionKind.OS_IN, ("macos",)),
        Condition(ConditionKind.ATTRIBUTE_EQUALS, (True,), "disk"),
    )


def test_a_bad_condition_is_named_by_its_place(network: Network) -> None:
    with pytest.raises(ValidationError) as caught:
        create(network, conditions=[{"os": ["linux"]}, {"colour": "red"}])
    assert faults(caught.value) == ["conditions.1"]


def test_a_rule_whose_time_is_over_is_not_taken(network: Network) -> None:
    with pytest.raises(ValidationError, match="was over at") as caught:
        create(network, schedule={"expires_at": NOW.isoformat()})
    assert faults(caught.value) == ["schedule"]


def test_a_rule_whose_time_is_over_is_switched_on_with_a_new_end_alone(network: Network) -> None:
    ends = NOW + timedelta(hours=1)
    rule = create(network, schedule={"expires_at": ends.isoformat()}, enabled=False)
    later: dict[str, Any] = {"cause": Cause.command(), "now": ends}
    with pytest.raises(ValidationError):
        update_rule(rule_id=rule.pk, fields={"enabled": True}, **later)
    fields = {"enabled": True, "schedule": {"expires_at": (ends + timedelta(hours=1)).isoformat()}}
    assert update_rule(rule_id=rule.pk, fields=fields, **later).enabled


def test_a_name_that_does_not_fit_its_column_is_refused(network: Network) -> None:
    with pytest.raises(ValidationError) as caught:
        create(network, name="x" * 101)
    assert faults(caught.value) == ["name"]


def order(network: Network) -> list[int]:
    return list(AclRule.objects.filter(network=network).order_by("position").values_list("pk", flat=True))


def test_all_rules_are_put_in_another_order_at_once(network: Network) -> None:
    ids = [create(network, name=name).pk for name in "abcd"]
    wanted = [ids[2], ids[0], ids[3], ids[1]]
    reorder_rules(network_id=network.pk, rule_ids=wanted, **ACT)
    assert order(network) == wanted


@pytest.mark.parametrize("wrong", [lambda ids: ids[:1], lambda ids: [*ids, ids[0]], lambda ids: [ids[0], 999_999]])
def test_an_order_that_does_not_name_each_rule_once_is_refused(network: Network, wrong: Any) -> None:
    ids = [create(network, name=name).pk for name in "ab"]
    with pytest.raises(ConflictError):
        reorder_rules(network_id=network.pk, rule_ids=wrong(ids), **ACT)
    assert order(network) == ids


@pytest.mark.parametrize(("position", "place"), [(1, 0), (2, 1), (3, 2), (99, 2)])
def test_a_rule_is_moved_to_its_place_and_no_further_than_the_end(network: Network, position: int, place: int) -> None:
    moved, *others = [create(network, name=name).pk for name in "abc"]
    move_rule(rule_id=moved, position=position, **ACT)
    others.insert(place, moved)
    assert order(network) == others


def test_what_a_rule_names_in_vain_may_stay_while_the_rest_is_edited(network: Network) -> None:
    node = NodeFactory(network=network, name="web")
    rule = create(network, sources=["node:web", "*"])
    stored = f"node#{node.pk}"
    node.delete()
    changed = update_rule(rule_id=rule.pk, fields={"sources": [stored], "comment": "old"}, **ACT)
    with pytest.raises(ValidationError) as caught:
        update_rule(rule_id=rule.pk, fields={"sources": [stored], "action": "perhaps"}, **ACT)
    assert faults(caught.value) == ["action"]
    assert (changed.sources, changed.comment) == ([stored], "old")
    with pytest.raises(ValidationError) as caught:
        create(network, sources=[stored])
    assert faults(caught.value) == ["sources.0"]
