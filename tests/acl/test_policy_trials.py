"""Policies on trial: confirmed they stay, else the one before comes back, once and on time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from acl.models import AclRule, Host, PolicyTrial, PolicyVersion
from acl.selectors import latest_version
from acl.selectors.trials import due_trials, get_trial, open_trial
from acl.services.groups import save_group
from acl.services.rules import create_rule, own_devices_rule, update_rule
from acl.services.trials import RETRY, begin_trial, confirm_trial, revert_due_trial, revert_trial
from acl.tasks import revert_trials
from coordinator.people import Fate, delete_user
from mesh.change import Cause
from mesh.errors import ConflictError, NotFoundError, ValidationError
from nodes.models import Change, Network
from tests.factories import NOW, NetworkFactory, NodeFactory, UserFactory

pytestmark = pytest.mark.django_db
ANY = {"action": "accept", "sources": ["*"], "destinations": ["*"], "name": "all"}
WITHIN = timedelta(minutes=5)
END = NOW + WITHIN
MOMENT = timedelta(microseconds=1)
ANA = Cause.user(7, origin="192.0.2.7")


@pytest.fixture
def network() -> Network:
    made: Network = NetworkFactory()
    own_devices_rule(network=made)
    return made


def begin(network: Network, within: timedelta = WITHIN, **fields: Any) -> PolicyTrial:
    def apply() -> AclRule:
        return create_rule(network_id=network.pk, fields=ANY | fields, cause=ANA, now=NOW)

    trial = begin_trial(network_id=network.pk, within=within, apply=apply, cause=ANA, now=NOW).trial
    assert trial is not None
    return trial


def rules(network: Network) -> list[str]:
    return list(AclRule.objects.filter(network=network).order_by("position").values_list("name", flat=True))


def in_force(network: Network) -> int:
    return Network.objects.values_list("policy_version", flat=True).get(pk=network.pk)


def test_a_policy_on_trial_is_in_force_at_once_and_knows_the_one_before(network: Network) -> None:
    before = in_force(network)
    trial = begin(network)
    assert rules(network) == ["own devices", "all"]
    assert (trial.number, trial.former, trial.deadline) == (in_force(network), before, END)
    assert (trial.actor, trial.origin) == ("user:7", "192.0.2.7")


def test_not_confirmed_the_one_before_is_back_at_the_deadline_and_not_before(network: Network) -> None:
    trial = begin(network)
    assert due_trials(END - MOMENT) == []
    assert revert_due_trial(network_id=network.pk, now=END - MOMENT) is None
    assert due_trials(END) == [network.pk]
    ended = revert_due_trial(network_id=network.pk, now=END)
    assert ended is not None
    assert rules(network) == ["own devices"]
    assert (ended.outcome, ended.ended_by, ended.result) == ("reverted", "system:trial", trial.number + 1)


def test_going_back_is_an_ordinary_version_with_its_own_change(network: Network) -> None:
    trial = begin(network)
    revert_due_trial(network_id=network.pk, now=END)
    version = latest_version(network.pk)
    assert version is not None
    assert version.comment == f"Policy {trial.number} was not confirmed in time: back to version {trial.former}"
    change = Change.objects.get(network=network, version=version.map_version)
    assert (change.kind, change.actor) == ("policy", "system:trial")


def test_it_happens_once_whoever_asks_and_however_often(network: Network) -> None:
    begin(network)
    map_version = Network.objects.get(pk=network.pk).map_version
    done = [revert_due_trial(network_id=network.pk, now=END) is not None for _ in range(3)]
    assert done == [True, False, False]
    assert Network.objects.get(pk=network.pk).map_version == map_version + 1


def test_the_periodic_task_goes_back_where_no_timer_did(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(network)
    monkeypatch.setattr("acl.tasks.timezone.now", lambda: END)
    assert revert_trials() == 1
    assert revert_trials() == 0
    assert rules(network) == ["own devices"]


def test_confirmed_it_stays(network: Network) -> None:
    begin(network)
    trial = confirm_trial(network_id=network.pk, cause=Cause.user(8), now=END - MOMENT)
    assert (trial.outcome, trial.ended_by) == ("confirmed", "user:8")
    assert due_trials(END + WITHIN) == []
    assert rules(network) == ["own devices", "all"]


def test_the_log_tells_who_confirmed_and_no_policy_moves(network: Network) -> None:
    trial = begin(network)
    confirm_trial(network_id=network.pk, cause=Cause.user(8), now=NOW + MOMENT)
    change = Change.objects.filter(network=network).latest("version")
    assert (change.kind, change.actor) == ("policy", "user:8")
    assert change.facts["trial"] == {"number": trial.number, "outcome": "confirmed"}
    assert in_force(network) == trial.number


def test_confirming_twice_is_confirming_once(network: Network) -> None:
    begin(network)
    confirm_trial(network_id=network.pk, cause=ANA, now=NOW)
    changes = Change.objects.filter(network=network).count()
    assert confirm_trial(network_id=network.pk, cause=ANA, now=END + MOMENT).outcome == "confirmed"
    assert Change.objects.filter(network=network).count() == changes


def test_at_the_deadline_it_is_too_late_to_confirm(network: Network) -> None:
    begin(network)
    with pytest.raises(ConflictError, match="is over since"):
        confirm_trial(network_id=network.pk, cause=ANA, now=END)


def test_what_was_reverted_cannot_be_confirmed(network: Network) -> None:
    begin(network)
    revert_trial(network_id=network.pk, cause=ANA, now=NOW)
    with pytest.raises(ConflictError, match="was reverted at"):
        confirm_trial(network_id=network.pk, cause=ANA, now=NOW)


def test_what_was_confirmed_cannot_be_reverted(network: Network) -> None:
    begin(network)
    confirm_trial(network_id=network.pk, cause=ANA, now=NOW)
    with pytest.raises(ConflictError, match="was confirmed at"):
        revert_trial(network_id=network.pk, cause=ANA, now=NOW)


def test_reverting_at_once_is_done_once_and_says_who(network: Network) -> None:
    begin(network)
    first = revert_trial(network_id=network.pk, cause=Cause.user(8), now=NOW + MOMENT)
    again = revert_trial(network_id=network.pk, cause=Cause.user(9), now=NOW + 2 * MOMENT)
    assert (first.ended_by, again.ended_by) == ("user:8", "user:8")
    assert again.result == first.result == in_force(network)
    assert rules(network) == ["own devices"]


def test_whoever_means_another_version_decides_nothing(network: Network) -> None:
    trial = begin(network)
    with pytest.raises(NotFoundError):
        confirm_trial(network_id=network.pk, cause=ANA, now=NOW, number=trial.number + 5)
    assert open_trial(network.pk) is not None


def test_without_a_trial_there_is_nothing_to_decide(network: Network) -> None:
    with pytest.raises(NotFoundError, match="No policy is on trial"):
        revert_trial(network_id=network.pk, cause=ANA, now=NOW)


@pytest.mark.parametrize("within", [timedelta(seconds=29.9), timedelta(minutes=60, seconds=1), timedelta(0)])
def test_a_trial_is_neither_too_short_nor_too_long(network: Network, within: timedelta) -> None:
    with pytest.raises(ValidationError) as caught:
        begin(network, within)
    assert caught.value.errors[0].field == "confirm_within"
    assert rules(network) == ["own devices"]


def test_another_edit_is_refused_while_one_is_on_trial_forced_or_not(network: Network) -> None:
    trial = begin(network)
    rule = AclRule.objects.get(network=network, name="all")
    with pytest.raises(ConflictError, match=f"Policy {trial.number} is on trial until"):
        update_rule(rule_id=rule.pk, fields={"action": "deny"}, cause=ANA, now=NOW, forced=True)
    with pytest.raises(ConflictError, match="is on trial"):
        save_group(network_id=network.pk, name="ops", users=[], subgroups=[], cause=ANA, now=NOW)
    with pytest.raises(ConflictError, match="is on trial"):
        begin(network, name="more")


@pytest.mark.parametrize("end", [confirm_trial, revert_trial])
def test_once_it_is_over_edits_go_on(network: Network, end: Any) -> None:
    begin(network)
    end(network_id=network.pk, cause=ANA, now=NOW)
    assert begin(network, name="next").number == in_force(network)


def test_an_edit_that_changes_nothing_begins_no_trial(network: Network) -> None:
    rule = AclRule.objects.get(network=network)

    def apply() -> AclRule:
        return update_rule(rule_id=rule.pk, fields={"enabled": True}, cause=ANA, now=NOW)

    done = begin_trial(network_id=network.pk, within=WITHIN, apply=apply, cause=ANA, now=NOW)
    assert (done.result, done.trial) == (rule, None)
    assert get_trial_or_none(network) is None


def test_the_same_edit_again_is_the_trial_that_runs(network: Network) -> None:
    trial = begin(network)
    rule = AclRule.objects.get(network=network, name="all")

    def apply() -> AclRule:
        return update_rule(rule_id=rule.pk, fields={"enabled": True}, cause=ANA, now=NOW)

    again = begin_trial(network_id=network.pk, within=2 * WITHIN, apply=apply, cause=ANA, now=NOW).trial
    assert again is not None
    assert (again.pk, again.deadline) == (trial.pk, END)


def test_an_edit_that_is_refused_leaves_neither_rules_nor_a_trial(network: Network) -> None:
    with pytest.raises(ValidationError):
        begin(network, sources=["group:nobody"])
    assert rules(network) == ["own devices"]
    assert open_trial(network.pk) is None


def test_a_person_can_be_deleted_meanwhile_and_does_not_come_back(network: Network) -> None:
    eve = UserFactory(username="eve")
    save_group(network_id=network.pk, name="ops", users=[eve.pk], subgroups=[], cause=ANA, now=NOW)
    begin(network)
    delete_user(user_id=eve.pk, nodes=Fate.DELETE, cause=ANA, now=NOW)
    revert_due_trial(network_id=network.pk, now=END)
    assert rules(network) == ["own devices"]
    assert open_trial(network.pk) is None


def test_a_return_that_fails_says_why_and_is_tried_again(network: Network) -> None:
    Host.objects.create(network=network, name="db", prefix="192.0.2.1/32")
    create_rule(network_id=network.pk, fields=ANY | {"destinations": ["host:db"]}, cause=ANA, now=NOW)

    def apply() -> None:
        AclRule.objects.filter(network=network).exclude(name="own devices").delete()
        Host.objects.filter(network=network).delete()
        create_rule(network_id=network.pk, fields=ANY | {"name": "other"}, cause=ANA, now=NOW)

    begin_trial(network_id=network.pk, within=WITHIN, apply=apply, cause=ANA, now=NOW)
    taken = NodeFactory(network=network, name="db")
    with pytest.raises(ConflictError, match="name of a node"):
        revert_due_trial(network_id=network.pk, now=END)
    assert get_trial(network.pk).problem == "The host db has the name of a node."
    assert (due_trials(END), due_trials(END + RETRY)) == ([], [network.pk])
    type(taken).objects.filter(pk=taken.pk).update(name="db-1")
    assert revert_due_trial(network_id=network.pk, now=END + RETRY) is not None
    assert rules(network) == ["own devices", "all"]


def test_one_that_cannot_be_reverted_can_be_kept(network: Network) -> None:
    begin(network)
    PolicyTrial.objects.update(problem="The host db has the name of a node.")
    assert confirm_trial(network_id=network.pk, cause=ANA, now=END + MOMENT).outcome == "confirmed"


def test_the_database_itself_holds_one_open_trial_a_network(network: Network) -> None:
    trial = begin(network)
    values = {"began_at": NOW, "deadline": END, "due_at": END, "actor": "command"}
    with pytest.raises(IntegrityError), transaction.atomic():
        PolicyTrial.objects.create(network=network, number=trial.number + 1, former=trial.number, **values)
    other = NetworkFactory()
    PolicyTrial.objects.create(network=other, number=2, former=1, **values)


def test_what_was_on_trial_stays_in_the_history(network: Network) -> None:
    trial = begin(network)
    revert_trial(network_id=network.pk, cause=ANA, now=NOW)
    assert PolicyVersion.objects.filter(network=network, number=trial.number).exists()


def get_trial_or_none(network: Network) -> PolicyTrial | None:
    return PolicyTrial.objects.filter(network=network).first()
