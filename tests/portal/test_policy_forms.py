"""Rules, groups, hosts and tags are written by services; what those refuse stands at the field."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from acl.models import AclRule, Group, Host, PolicyVersion, TagOwner
from nodes.models import Change
from tests import factories as make
from tests.portal.pages import page_url, text_of

pytestmark = pytest.mark.django_db

RULE = {"action": "accept", "sources": "user:mara", "destinations": "autogroup:self", "enabled": "on"}


def add(client: Client, model: Any, network: Any, **fields: Any) -> Any:
    return client.post(page_url(model, "add"), {"network": network.pk, **fields})


def edit(client: Client, row: Any, **fields: Any) -> Any:
    return client.post(page_url(type(row), "change", row.pk), fields)


def test_rule_is_bound_to_ids_and_recorded(client: Client, network: Any, owner: Any) -> None:
    add(client, AclRule, network, **RULE, ports="22, 8000-8999", protocols="tcp")
    rule = AclRule.objects.get()
    assert rule.sources == [f"user#{owner.pk}"]
    assert (rule.ports, rule.protocols) == ([[22, 22], [8000, 8999]], [6])
    assert Change.objects.get(kind="policy").actor == f"user:{owner.pk}"


def test_bad_selector_is_named_at_its_field(client: Client, network: Any) -> None:
    response = add(client, AclRule, network, **{**RULE, "sources": "user:mara\ngroup:opps"})
    form = response.context["form"]
    assert "opps" in str(form.errors["sources"])
    assert "2nd" in str(form.errors["sources"])
    assert not AclRule.objects.exists()


def test_form_shows_present_names(client: Client, network: Any, owner: Any) -> None:
    rule = make.AclRuleFactory(network=network, sources=[f"user#{owner.pk}"], ports=[[22, 22]], protocols=[6])
    page = client.get(page_url(AclRule, "change", rule.pk)).content.decode()
    assert "user:mara" in page
    assert 'value="22"' in page


def test_saving_unchanged_changes_nothing(client: Client, network: Any) -> None:
    add(
        client, AclRule, network, **RULE, ports="22", protocols="tcp", weekdays=["mon", "fri"], start="08:00",
        end="18:00", timezone="Europe/Berlin", expires_at="2031-01-31T18:00", name="n", comment="c",
        conditions="os is linux or macos\ndisk is true\nserial is reported\nagent is at least 1.4\nzone is a or b",
    )  # fmt: skip
    rule = AclRule.objects.get()
    shown = client.get(page_url(AclRule, "change", rule.pk)).context["form"]
    sent = {name: shown[name].value() for name in shown.fields if shown[name].value() not in (None, False)}
    sent |= {name: shown.fields[name].prepare_value(sent[name]) for name in ("sources", "destinations", "conditions")}
    sent |= {"ports": "22", "protocols": "tcp", "expires_at": "2031-01-31T18:00"}
    versions = PolicyVersion.objects.count()
    edit(client, rule, **sent)
    again = AclRule.objects.get()
    assert (again.conditions, again.schedule, again.expires_at) == (rule.conditions, rule.schedule, rule.expires_at)
    assert PolicyVersion.objects.count() == versions


def test_rule_at_times_says_so_in_the_list(client: Client, network: Any) -> None:
    make.AclRuleFactory(
        network=network,
        schedule={"weekdays": ["mon"], "start": "08:00", "end": "18:00", "timezone": "Europe/Berlin"},
        conditions=[{"os": ["linux"]}],
    )
    said = text_of(client.get(page_url(AclRule, "changelist")))
    assert "mon 08:00-18:00 Europe/Berlin, if os is linux" in said


def test_bad_schedule_is_said(client: Client, network: Any) -> None:
    response = add(client, AclRule, network, **RULE, weekdays=["mon"], timezone="Europe/Atlantis")
    assert "Atlantis" in str(response.context["form"].errors)


def test_bad_condition_is_said(client: Client, network: Any) -> None:
    response = add(client, AclRule, network, **RULE, conditions="disk encrypted")
    assert "conditions" in response.context["form"].errors


def test_position_moves_the_rule(client: Client, network: Any) -> None:
    one, two = make.AclRuleFactory(network=network, position=1), make.AclRuleFactory(network=network, position=2)
    edit(client, two, **RULE, position="1", version=network.policy_version)
    assert list(AclRule.objects.order_by("position")) == [two, one]


def test_moving_keeps_the_list_s_filters(client: Client, network: Any) -> None:
    one, two = make.AclRuleFactory(network=network, position=1), make.AclRuleFactory(network=network, position=2)
    listed = page_url(AclRule, "changelist") + "?state=on"
    response = client.post(page_url(AclRule, "do", two.pk, "up"), {"next": listed})
    assert response["Location"] == listed
    assert list(AclRule.objects.order_by("position")) == [two, one]


def test_edit_against_an_older_version_is_a_conflict(client: Client, network: Any) -> None:
    rule = make.AclRuleFactory(network=network, position=1)
    version = client.get(page_url(AclRule, "change", rule.pk)).context["form"]["version"].value()
    add(client, Host, network, name="erp", prefix="192.0.2.9")
    response = edit(client, rule, **RULE, name="mine", version=version)
    assert "by now" in text_of(response)
    assert AclRule.objects.get(pk=rule.pk).name == ""
    # Sent again, it is meant for the version that is in force by now.
    edit(client, rule, **RULE, name="mine", version=response.context["form"]["version"].value())
    assert AclRule.objects.get(pk=rule.pk).name == "mine"


def test_switch_off(client: Client, network: Any) -> None:
    rule = make.AclRuleFactory(network=network)
    client.post(page_url(AclRule, "do", rule.pk, "off"))
    rule.refresh_from_db()
    assert not rule.enabled


def test_group_with_members(client: Client, network: Any, owner: Any) -> None:
    inner = make.GroupFactory(network=network, name="inner")
    add(client, Group, network, name="ops", users="mara", subgroups="group:inner")
    group = Group.objects.get(name="ops")
    assert [member.user or member.subgroup for member in group.members.all()] == [owner, inner]


def test_unknown_member_is_named(client: Client, network: Any) -> None:
    response = add(client, Group, network, name="ops", users="mara\nnobody")
    assert "nobody" in str(response.context["form"].errors["users"])


def test_circle_of_groups_is_refused(client: Client, network: Any) -> None:
    one = make.GroupFactory(network=network, name="one")
    two = make.GroupFactory(network=network, name="two")
    make.GroupMemberFactory(group=one, user=None, subgroup=two)
    response = edit(client, two, users="", subgroups="one")
    assert response.status_code == 200
    assert not two.members.exists()


def test_group_that_a_deny_rule_names_stays_unless_forced(client: Client, network: Any) -> None:
    group = make.GroupFactory(network=network, name="ops")
    make.AclRuleFactory(network=network, action="deny", sources=["group:ops"], destinations=["*"])
    address = page_url(Group, "do", group.pk, "delete")
    asked = client.post(address, {"confirmed": "yes", "sure": "on"})
    assert "Do it all the same" in text_of(asked)
    assert Group.objects.exists()
    client.post(address, {"confirmed": "yes", "sure": "on", "forced": "yes"})
    assert not Group.objects.exists()


def test_host(client: Client, network: Any) -> None:
    add(client, Host, network, name="erp", prefix="192.0.2.9", comment="x")
    assert Host.objects.get().prefix == "192.0.2.9"
    response = add(client, Host, network, name="bad", prefix="192.0.2.9/24")
    assert "prefix" in response.context["form"].errors


def test_tag_with_owners(client: Client, network: Any, owner: Any) -> None:
    add(client, TagOwner, network, tag="web", owners="user:mara")
    assert (TagOwner.objects.get().tag, TagOwner.objects.get().owners) == ("tag:web", [f"user#{owner.pk}"])


def test_going_back_to_an_earlier_version(client: Client, network: Any) -> None:
    add(client, AclRule, network, **RULE, name="first")
    wanted = PolicyVersion.objects.latest("number")
    client.post(page_url(AclRule, "do", AclRule.objects.get().pk, "delete"), {"confirmed": "yes"})
    assert not AclRule.objects.exists()
    client.post(f"/admin/access/history/{wanted.number}/restore/")
    assert AclRule.objects.get().name == "first"
