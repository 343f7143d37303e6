from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from acl.models import AclRule, PolicyVersion
from coordinator.admin_api.serializers.rules import RuleOut
from coordinator.cli.conditions import read_conditions, read_schedule
from mesh.change import ChangeKind
from mesh.errors import ValidationError
from mesh.policy.schedule import format_instant
from nodes.models import Change, Network
from nodes.services.retention import prune_changes
from sessions_app.models import User
from tests.cli.conftest import Run
from tests.fixtures import START, Clock, Join


def test_rules_as_the_api_describes_them(run: Run, network: Network) -> None:
    [value] = run("rule", "list", "--json").json
    assert list(value) == list(RuleOut().fields)
    assert "autogroup:self" in run("rules", "ls").out


def test_a_rule_is_created_changed_moved_and_deleted(run: Run, ana: User) -> None:
    words = ("--from", "user:ana@example.com", "--to", "*", "--proto", "tcp", "--port", "22", "--name", "ssh")
    made = run("rule", "create", *words, "--position", "1", "--json").json
    assert (made["position"], made["ports"], made["state"]) == (1, ["22"], "on")
    assert run("rule", "update", "ssh", "--port", "22,443", "--json").json["ports"] == ["22", "443"]
    assert run("rule", "update", "ssh", "--port", "*", "--disable", "--json").json["state"] == "off"
    assert run("rule", "move", "ssh", "2", "--json").json["position"] == 2
    assert run("rule", "delete", "ssh", answer="n\n").code == 1
    assert run("rule", "delete", "ssh").code == 0
    assert AclRule.objects.count() == 1


def test_bad_selectors_are_named_by_their_place(run: Run, network: Network) -> None:
    outcome = run("rule", "create", "--from", "*", "--from", "user:x", "--to", "tag:nope")
    assert outcome.code == 1
    assert "sources.1: there is no user" in outcome.err
    assert "destinations.0: there is no tag" in outcome.err


def test_words_that_do_not_go_together(run: Run, network: Network) -> None:
    assert run("rule", "create", "--from", "*").code == 2
    assert run("rule", "update", "own devices").code == 2
    assert run("rule", "move", "own devices", "0").code == 2


def test_a_rule_with_limits_shows_them(run: Run, network: Network, clock: Clock) -> None:
    words = ("--days", "mon-fri", "--hours", "08:00-18:00", "--timezone", "Europe/Berlin", "--until", "7d")
    made = run("rule", "create", "--from", "*", "--to", "*", *words, "--require", "agent>=1.2", "--json").json
    assert made["schedule"]["weekdays"] == ["mon", "tue", "wed", "thu", "fri"]
    assert made["schedule"]["expires_at"] == format_instant(START + timedelta(days=7))
    assert made["conditions"] == [{"agent_version": "1.2"}]
    assert "ONLY" in run("rule", "list").out
    freed = run("rule", "update", str(made["id"]), "--days", "always", "--hours", "always", "--until", "always")
    assert freed.code == 0
    assert run("rule", "show", str(made["id"]), "--json").json["schedule"] is None


@pytest.mark.parametrize("days", ["monday", "mon-", ""])
def test_what_are_no_days(days: str) -> None:
    with pytest.raises(ValidationError):
        read_schedule({}, days=days, hours=None, timezone=None, not_before=None, until=None, now=START)


def test_days_go_over_the_end_of_the_week() -> None:
    schedule = read_schedule({}, days="sat-mon", hours=None, timezone=None, not_before=None, until=None, now=START)
    assert schedule["weekdays"] == ["mon", "sat", "sun"]


def test_requirements() -> None:
    assert read_conditions(["os=linux,macos", "disk=true", "level=1,2", "serial"]) == [
        {"os": ["linux", "macos"]},
        {"attribute": "disk", "equals": True},
        {"attribute": "level", "in": [1, 2]},
        {"attribute": "serial", "exists": True},
    ]
    with pytest.raises(ValidationError):
        read_conditions(["disk>=1"])


def test_groups_and_the_override_of_objections(run: Run, ana: User, ben: User) -> None:
    made = run("group", "create", "ops", "--member", ana.username, "--json").json
    assert made["members"] == [ana.username]
    run("group", "create", "all", "--member", "group:ops")
    changed = run("group", "update", "ops", "--add", ben.username, "--remove", ana.username, "--json").json
    assert changed["members"] == [ben.username]
    run("rule", "create", "--from", "group:ops", "--to", "*", "--action", "deny")
    run("group", "delete", "all")
    assert run("group", "delete", "ops").code == 1
    assert run("group", "delete", "ops", "--override").code == 0
    assert PolicyVersion.objects.latest("number").forced


def test_hosts(run: Run, network: Network) -> None:
    assert run("host", "create", "printer", "10.9.0.7", "--json").json["prefix"] == "10.9.0.7"
    assert run("host", "update", "printer", "--prefix", "10.9.0.8", "--comment", "x", "--json").json["comment"] == "x"
    assert run("host", "show", "host:printer").out.count("10.9.0.8") == 1
    assert run("host", "update", "printer").code == 2
    assert run("host", "delete", "printer").code == 0


def test_tags(run: Run, ana: User) -> None:
    assert run("tag", "create", "web", "--owner", f"user:{ana.username}", "--json").json["tag"] == "tag:web"
    assert run("tag", "update", "web", "--comment", "x", "--json").json["owners"] == [f"user:{ana.username}"]
    assert run("tag", "update", "tag:web", "--owner", "none", "--json").json["owners"] == []
    assert run("tag", "delete", "web", "--json").json["deleted"] is True


def test_the_log(run: Run, join: Join, ana: User) -> None:
    join(ana, "web")
    run("node", "disable", "web")
    latest = run("change", "list", "--limit", "1", "--json").json[0]
    assert (latest["summary"], latest["actor"]) == ("web: disabled", "command")
    assert {value["kind"] for value in run("changes", "ls", "--kind", "users", "--json").json} == {"users"}
    about = run("change", "list", "--node", "web", "--json").json
    assert [value["summary"] for value in about] == ["web: disabled", "web joined"]
    shown = run("change", "show", str(latest["version"]), "--json").json
    assert shown["facts"]["nodes"][0]["name"] == "web"
    assert run("change", "list", "--since", "1h", "--json").code == 0
    assert run("change", "list", "--kind", "weather").code == 2
    assert run("change", "show", "999").code == 1


def test_the_log_tells_every_kind(run: Run, join: Join, ana: User, network: Network) -> None:
    join(ana, "web")
    run("group", "create", "ops")
    run("group", "delete", "ops")
    run("session", "revoke", "web")
    run("network", "set", "--lease", "6h")
    run("node", "delete", "web")
    told = [value["summary"] for value in run("change", "list", "--json").json]
    assert "session of web: revoked" in told
    assert told[0] == "web left the network"


def test_the_log_says_what_it_has_lost(run: Run, ana: User, join: Join) -> None:
    join(ana, "web")
    prune_changes(kind=ChangeKind.NODES, before=timezone.now() + timedelta(days=1))
    outcome = run("change", "list", "--node", "web", "--json")
    assert outcome.json == []
    assert "of 1 change the facts are not kept any longer" in outcome.err
    version = Change.objects.get(kind="nodes").version
    assert run("change", "show", str(version), "--json").json["pruned"] is True
    assert "not kept any longer" in run("change", "show", str(version)).out
