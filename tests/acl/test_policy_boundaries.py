"""Schedules come into force and end: one Change a boundary, and the rule whose time is over stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from acl.models import AclRule, PolicyBoundary, PolicyClock, PolicyVersion
from acl.selectors import latest_version, policy_clock
from acl.services.boundaries import due_networks, write_boundary
from acl.services.rules import create_rule, own_devices_rule, update_rule
from acl.tasks import write_boundaries
from mesh.change import Cause
from nodes.models import Change, Network
from tests.factories import NetworkFactory

pytestmark = pytest.mark.django_db
# A Monday; Berlin is at +01:00.
NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
OPENS = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
CLOSES = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
OFFICE = {"weekdays": ["mon"], "start": "08:00", "end": "18:00", "timezone": "Europe/Berlin"}
ANY = {"action": "accept", "sources": ["*"], "destinations": ["*"], "name": "office"}


@pytest.fixture
def network() -> Network:
    made: Network = NetworkFactory()
    Network.objects.filter(pk=made.pk).update(created_at=NOW - timedelta(days=1))
    made.refresh_from_db()
    own_devices_rule(network=made)
    return made


def create(network: Network, **fields: Any) -> AclRule:
    return create_rule(network_id=network.pk, fields=ANY | fields, cause=Cause.command(), now=NOW)


def next_boundary(network: Network) -> datetime | None:
    return PolicyClock.objects.get(network=network).next_boundary


def test_without_schedules_there_is_no_boundary(network: Network) -> None:
    create(network)
    assert next_boundary(network) is None
    assert write_boundary(network_id=network.pk, now=NOW + timedelta(days=1000)) is None


def test_the_next_boundary_is_known_as_soon_as_the_rule_is_saved(network: Network) -> None:
    create(network, schedule=OFFICE)
    assert next_boundary(network) == OPENS


def test_nothing_is_written_before_the_boundary(network: Network) -> None:
    create(network, schedule=OFFICE)
    assert due_networks(OPENS - timedelta(microseconds=1)) == []
    assert write_boundary(network_id=network.pk, now=OPENS - timedelta(microseconds=1)) is None


def test_a_boundary_is_one_change_whoever_asks_and_however_often(network: Network) -> None:
    create(network, schedule=OFFICE)
    before = Network.objects.get(pk=network.pk).map_version
    assert due_networks(OPENS) == [network.pk]
    answers = [write_boundary(network_id=network.pk, now=OPENS) for _ in range(3)]
    assert answers == [before + 1, None, None]
    assert Network.objects.get(pk=network.pk).map_version == before + 1


def test_the_change_names_the_boundary_and_the_instant_to_compile_for(network: Network) -> None:
    create(network, schedule=OFFICE)
    version = write_boundary(network_id=network.pk, now=OPENS + timedelta(seconds=1))
    assert version is not None
    change = Change.objects.get(network=network, version=version)
    assert (change.kind, change.actor) == ("policy", "system:schedule")
    assert change.facts["boundary"] == "2026-03-02T07:00:00Z"
    assert change.facts["at"] == "2026-03-02T07:00:01Z"
    assert policy_clock(network.pk) == OPENS + timedelta(seconds=1)


def test_a_boundary_that_opens_a_window_is_no_version_of_the_policy(network: Network) -> None:
    create(network, schedule=OFFICE)
    write_boundary(network_id=network.pk, now=OPENS)
    assert PolicyVersion.objects.filter(network=network).count() == 2


def test_the_boundary_after_is_the_end_of_the_window(network: Network) -> None:
    create(network, schedule=OFFICE)
    write_boundary(network_id=network.pk, now=OPENS)
    assert next_boundary(network) == CLOSES


def test_boundaries_that_passed_while_nobody_looked_are_one_change(network: Network) -> None:
    create(network, schedule=OFFICE)
    late = CLOSES + timedelta(days=30)
    assert write_boundary(network_id=network.pk, now=late) is not None
    assert write_boundary(network_id=network.pk, now=late) is None
    boundary = next_boundary(network)
    assert boundary is not None and boundary > late


def test_the_database_takes_a_boundary_once(network: Network) -> None:
    PolicyBoundary.objects.create(network=network, boundary=OPENS, map_version=5)
    with pytest.raises(IntegrityError), transaction.atomic():
        PolicyBoundary.objects.create(network=network, boundary=OPENS, map_version=6)


def test_a_window_in_summer_time_opens_by_the_wall_clock(network: Network) -> None:
    create(network, schedule=OFFICE)
    before_the_change = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
    write_boundary(network_id=network.pk, now=before_the_change)
    assert next_boundary(network) == datetime(2026, 3, 30, 6, 0, tzinfo=UTC)


def test_a_window_that_begins_in_the_skipped_hour_opens_as_the_gap_ends(network: Network) -> None:
    night = {"weekdays": ["sun"], "start": "02:30", "end": "04:00", "timezone": "Europe/Berlin"}
    create(network, schedule=night)
    write_boundary(network_id=network.pk, now=datetime(2026, 3, 28, 12, 0, tzinfo=UTC))
    assert next_boundary(network) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_a_window_across_midnight_closes_on_the_next_day(network: Network) -> None:
    create(network, schedule={"weekdays": ["mon"], "start": "22:00", "end": "02:00", "timezone": "UTC"})
    write_boundary(network_id=network.pk, now=datetime(2026, 3, 2, 22, 0, tzinfo=UTC))
    assert next_boundary(network) == datetime(2026, 3, 3, 2, 0, tzinfo=UTC)


def test_a_rule_whose_time_is_over_is_kept_and_switched_off(network: Network) -> None:
    rule = create(network, schedule={"expires_at": CLOSES.isoformat()}, name="until the evening")
    assert write_boundary(network_id=network.pk, now=CLOSES) is not None
    rule.refresh_from_db()
    assert not rule.enabled
    assert rule.expires_at == CLOSES


def test_the_end_of_a_rule_is_a_version_that_says_why(network: Network) -> None:
    create(network, schedule={"expires_at": CLOSES.isoformat()}, name="until the evening")
    map_version = write_boundary(network_id=network.pk, now=CLOSES)
    version = latest_version(network.pk)
    assert version is not None
    assert version.comment == "Time is over: “until the evening”"
    assert (version.actor, version.map_version) == ("system:schedule", map_version)


def test_a_rule_that_ends_while_its_window_is_shut_is_switched_off_all_the_same(network: Network) -> None:
    ends = CLOSES + timedelta(hours=5)
    rule = create(network, schedule=OFFICE | {"expires_at": ends.isoformat()})
    write_boundary(network_id=network.pk, now=CLOSES)
    assert next_boundary(network) == ends
    write_boundary(network_id=network.pk, now=ends)
    rule.refresh_from_db()
    assert not rule.enabled


def test_a_rule_that_is_off_has_no_boundary(network: Network) -> None:
    rule = create(network, schedule=OFFICE)
    update_rule(rule_id=rule.pk, fields={"enabled": False}, cause=Cause.command(), now=NOW)
    assert next_boundary(network) is None


def test_an_edit_after_an_unwritten_boundary_is_compiled_for_its_own_time(network: Network) -> None:
    create(network, schedule=OFFICE)
    rule = create(network, schedule={"expires_at": CLOSES.isoformat()}, name="short")
    update_rule(rule_id=rule.pk, fields={"comment": "x"}, cause=Cause.command(), now=CLOSES - timedelta(hours=1))
    assert policy_clock(network.pk) == CLOSES - timedelta(hours=1)
    assert next_boundary(network) == CLOSES


def test_the_periodic_task_writes_what_is_due(network: Network, time_machine: Any) -> None:
    create(network, schedule=OFFICE)
    time_machine.move_to(OPENS, tick=False)
    assert write_boundaries() == 1
    assert write_boundaries() == 0
