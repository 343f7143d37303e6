"""Every edit of a policy is a version; what changes nothing is none; what speaks against one is heard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from acl import judges
from acl.judges import Proposal, appoint_judge
from acl.models import AclRule, PolicyVersion
from acl.selectors import latest_version, load_policy, policy_clock, policy_of_version
from acl.services.groups import delete_group, save_group
from acl.services.hosts import delete_host, save_host
from acl.services.rules import create_rule, delete_rule, move_rule, own_devices_rule, update_rule
from acl.services.tags import delete_tag, save_tag
from mesh.change import Cause
from mesh.errors import ConflictError, ValidationError
from nodes.models import Change, Network
from tests.factories import NOW, NetworkFactory, UserFactory

pytestmark = pytest.mark.django_db
CAUSE = Cause.user(7, origin="192.0.2.9", request_id="r-1")
ACT: dict[str, Any] = {"cause": CAUSE, "now": NOW}
ANY = {"action": "accept", "sources": ["*"], "destinations": ["*"]}


@pytest.fixture
def network() -> Network:
    made: Network = NetworkFactory()
    own_devices_rule(network=made)
    return made


@pytest.fixture
def judge() -> Iterator[list[Proposal]]:
    """A judge that is against everything; the list holds what it was asked."""
    heard: list[Proposal] = []

    def against(proposal: Proposal) -> tuple[str, ...]:
        heard.append(proposal)
        return ("A test would break.",)

    appointed = dict(judges._judges)
    judges._judges.clear()
    appoint_judge("against", against)
    yield heard
    judges._judges.clear()
    judges._judges.update(appointed)


def numbers(network: Network) -> list[int]:
    return list(PolicyVersion.objects.filter(network=network).order_by("number").values_list("number", flat=True))


def test_a_new_network_begins_with_version_1_of_its_policy(network: Network) -> None:
    version = latest_version(network.pk)
    assert version is not None and version.number == network.policy_version == 1
    assert policy_of_version(version) == load_policy(network.pk)


def test_a_version_holds_who_when_and_the_change_that_put_it_in_force(network: Network) -> None:
    create_rule(network_id=network.pk, fields=ANY, **ACT)
    version = latest_version(network.pk)
    assert version is not None
    change = Change.objects.get(network=network, version=version.map_version)
    assert (version.actor, version.origin, version.request_id) == ("user:7", "192.0.2.9", "r-1")
    assert version.created_at == NOW
    assert version.summary == "1 rule added"
    assert change.facts["policy_version"] == version.number == 2


EDITS: list[tuple[str, Callable[[Network], object]]] = [
    ("create a rule", lambda n: create_rule(network_id=n.pk, fields=ANY, **ACT)),
    ("change a rule", lambda n: update_rule(rule_id=first_rule(n), fields={"name": "new"}, **ACT)),
    ("delete a rule", lambda n: delete_rule(rule_id=first_rule(n), **ACT)),
    ("add a group", lambda n: save_group(network_id=n.pk, name="ops", users=[], subgroups=[], **ACT)),
    ("add a host", lambda n: save_host(network_id=n.pk, name="db", prefix="192.0.2.1", **ACT)),
    ("add a tag", lambda n: save_tag(network_id=n.pk, tag="tag:db", owners=[], **ACT)),
]


def first_rule(network: Network) -> int:
    return AclRule.objects.get(network=network, position=1).pk


@pytest.mark.parametrize("edit", [edit for _, edit in EDITS], ids=[name for name, _ in EDITS])
def test_every_single_edit_is_a_version(network: Network, edit: Callable[[Network], object]) -> None:
    edit(network)
    assert numbers(network) == [1, 2]


def test_a_move_is_a_version(network: Network) -> None:
    rule = create_rule(network_id=network.pk, fields=ANY, **ACT)
    move_rule(rule_id=rule.pk, position=1, **ACT)
    version = latest_version(network.pk)
    assert version is not None and (version.number, version.summary) == (3, "1 rule moved")


def test_saving_what_is_there_already_is_no_version_and_no_change(network: Network) -> None:
    group = save_group(network_id=network.pk, name="ops", users=[], subgroups=[], **ACT)
    network.refresh_from_db()
    before = (network.map_version, numbers(network))
    save_group(network_id=network.pk, group_id=group.pk, name="ops", users=[], subgroups=[], **ACT)
    network.refresh_from_db()
    assert (network.map_version, numbers(network)) == before


def test_deleting_a_rule_leaves_no_gap(network: Network) -> None:
    for _ in range(2):
        create_rule(network_id=network.pk, fields=ANY | {"name": "x"}, **ACT)
    delete_rule(rule_id=first_rule(network), **ACT)
    positions = AclRule.objects.filter(network=network).order_by("position").values_list("position", flat=True)
    assert list(positions) == [1, 2]


def test_a_judge_hears_what_shall_be(network: Network, judge: list[Proposal]) -> None:
    with pytest.raises(ConflictError):
        create_rule(network_id=network.pk, fields=ANY, **ACT)
    [proposal] = judge
    assert (proposal.network, len(proposal.policy.rules), proposal.at) == (network, 2, policy_clock(network.pk))


def test_an_objection_refuses_the_edit_and_leaves_nothing_behind(network: Network, judge: list[Proposal]) -> None:
    with pytest.raises(ConflictError, match="A test would break"):
        create_rule(network_id=network.pk, fields=ANY, **ACT)
    assert numbers(network) == [1]
    assert AclRule.objects.filter(network=network).count() == 1


def test_a_forced_edit_is_recorded_as_such(network: Network, judge: list[Proposal]) -> None:
    create_rule(network_id=network.pk, fields=ANY, forced=True, **ACT)
    version = latest_version(network.pk)
    assert version is not None
    assert version.forced and version.objections == ["A test would break."]
    assert Change.objects.get(version=version.map_version, network=network).facts["forced"] is True


def test_force_that_was_not_needed_is_not_recorded(network: Network) -> None:
    create_rule(network_id=network.pk, fields=ANY, forced=True, **ACT)
    version = latest_version(network.pk)
    assert version is not None and not version.forced


def test_a_policy_that_does_not_hold_together_never_replaces_one_that_does(network: Network) -> None:
    one = save_group(network_id=network.pk, name="one", users=[], subgroups=[], **ACT)
    two = save_group(network_id=network.pk, name="two", users=[], subgroups=[one.pk], **ACT)
    before = load_policy(network.pk)
    with pytest.raises(ValidationError, match="circle"):
        save_group(network_id=network.pk, group_id=one.pk, name="one", users=[], subgroups=[two.pk], **ACT)
    assert load_policy(network.pk) == before
    assert numbers(network) == [1, 2, 3]


def deny(network: Network, selector: str, **fields: Any) -> AclRule:
    return create_rule(
        network_id=network.pk,
        fields={"action": "deny", "sources": [selector], "destinations": ["*"], "name": "no entry"} | fields,
        **ACT,
    )


def make(network: Network, kind: str) -> tuple[str, Callable[..., None], dict[str, int]]:
    """Something that rules can name: its selector, its deletion, and what to delete."""
    match kind:
        case "group":
            group = save_group(network_id=network.pk, name="ops", users=[], subgroups=[], **ACT)
            return "group:ops", delete_group, {"group_id": group.pk}
        case "host":
            host = save_host(network_id=network.pk, name="db", prefix="192.0.2.1", **ACT)
            return "host:db", delete_host, {"host_id": host.pk}
        case _:
            tag = save_tag(network_id=network.pk, tag="tag:db", owners=[], **ACT)
            return "tag:db", delete_tag, {"tag_owner_id": tag.pk}


KINDS = pytest.mark.parametrize("kind", ["group", "host", "tag"])


@KINDS
def test_what_an_enabled_deny_names_is_not_deleted(network: Network, kind: str) -> None:
    selector, delete, what = make(network, kind)
    deny(network, selector)
    with pytest.raises(ConflictError, match="“no entry”"):
        delete(**what, **ACT)


@KINDS
def test_what_an_enabled_deny_names_is_deleted_by_force_and_that_is_recorded(network: Network, kind: str) -> None:
    selector, delete, what = make(network, kind)
    deny(network, selector)
    delete(**what, forced=True, **ACT)
    version = latest_version(network.pk)
    assert version is not None and version.forced
    assert version.objections == [f"{selector} is denied something by “no entry”."]


@KINDS
def test_a_deny_that_is_off_keeps_nothing(network: Network, kind: str) -> None:
    selector, delete, what = make(network, kind)
    deny(network, selector, enabled=False)
    delete(**what, **ACT)


def test_a_group_inside_a_denied_group_is_not_deleted(network: Network) -> None:
    inner = save_group(network_id=network.pk, name="inner", users=[], subgroups=[], **ACT)
    save_group(network_id=network.pk, name="outer", users=[], subgroups=[inner.pk], **ACT)
    deny(network, "group:outer")
    with pytest.raises(ConflictError):
        delete_group(group_id=inner.pk, **ACT)


def test_an_edit_against_another_version_than_the_one_in_force_is_refused(network: Network) -> None:
    create_rule(network_id=network.pk, fields=ANY, expected_version=1, **ACT)
    with pytest.raises(ConflictError, match="version 2"):
        create_rule(network_id=network.pk, fields=ANY | {"name": "late"}, expected_version=1, **ACT)


def test_a_users_group_is_in_the_version(network: Network) -> None:
    ana = UserFactory()
    save_group(network_id=network.pk, name="ops", users=[ana.pk], subgroups=[], **ACT)
    version = latest_version(network.pk)
    assert version is not None
    assert policy_of_version(version).group_table()["ops"].users == {ana.pk}


def test_the_clock_of_a_policy_never_goes_back(network: Network) -> None:
    create_rule(network_id=network.pk, fields=ANY, cause=CAUSE, now=NOW + timedelta(hours=1))
    at = policy_clock(network.pk)
    create_rule(network_id=network.pk, fields=ANY | {"name": "x"}, cause=CAUSE, now=NOW)
    assert policy_clock(network.pk) == at
