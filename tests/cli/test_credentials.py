from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings

from coordinator.admin_api.serializers.sessions import SessionOut
from nodes.models import Network, Node, RetiredKey
from portal.enrolment import join_command
from sessions_app.models import ApiToken, AuthKey, NodeSession, User
from tests.agents import Machine
from tests.cli.conftest import Run
from tests.fixtures import Clock, Join


def test_a_new_key_lets_a_machine_in(run: Run, ana: User) -> None:
    made = run("authkey", "create", "--user", "ana@example.com", "--json").json
    assert Machine("web").register(made["key"]).status_code == 201
    assert run("authkey", "list", "--json").json == []
    [used] = run("authkey", "list", "--all", "--json").json
    assert (used["id"], used["state"], used["uses"]) == (made["id"], "used_up", 1)


def test_options_of_a_key(run: Run, network: Network, clock: Clock) -> None:
    words = ("--tag", "ci", "--tag", "tag:web", "--reusable", "--max-uses", "3", "--ephemeral", "--expires", "7d")
    made = run("authkeys", "new", *words, "--name", "runners", "--json").json
    assert made["tags"] == ["tag:ci", "tag:web"]
    assert (made["max_uses"], made["ephemeral"], made["name"]) == (3, True, "runners")
    assert AuthKey.objects.get().expires_at == clock.at + timedelta(days=7)


def test_a_key_ends_after_a_day_or_never(run: Run, ana: User, clock: Clock) -> None:
    run("authkey", "create", "--user", "ana@example.com")
    run("authkey", "create", "--user", "ana@example.com", "--expires", "never")
    assert [key.expires_at for key in AuthKey.objects.order_by("pk")] == [clock.at + timedelta(days=1), None]


def test_the_key_is_printed_once_with_the_line_that_joins(run: Run, ana: User) -> None:
    made = run("authkey", "create", "--user", "ana@example.com")
    key = next(word for word in made.out.split() if word.startswith("gwk_"))
    assert str(join_command(settings.GHOSTWIRE.public_urls[0], key)) in made.out
    assert key not in run("authkey", "list").out + run("authkey", "list", "--json").out


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--user", "ana@example.com", "--max-uses", "2"),
        ("--user", "ana@example.com", "--expires", "soon"),
        ("--user", "ana@example.com", "--max-uses", "0"),
    ],
)
def test_words_that_do_not_go_together(run: Run, ana: User, words: tuple[str, ...]) -> None:
    assert run("authkey", "create", *words).code == 2
    assert not AuthKey.objects.exists()


def test_an_end_in_the_past_names_its_member(run: Run, ana: User) -> None:
    outcome = run("authkey", "create", "--user", "ana@example.com", "--expires", "2001-01-01")
    assert (outcome.code, outcome.err) == (1, "error: expires_at: The end lies in the past.\n")


def test_a_key_is_revoked_by_id_name_beginning_or_itself(run: Run, ana: User) -> None:
    for reference in ("id", "name", "hint", "key"):
        made = run("authkey", "create", "--user", "ana@example.com", "--name", f"for {reference}", "--json").json
        revoked = run("authkey", "revoke", str(made[reference]), "--json").json
        assert (revoked["id"], revoked["state"]) == (made["id"], "revoked")


def test_a_name_of_several_keys_is_refused(run: Run, ana: User) -> None:
    for _ in range(2):
        run("authkey", "create", "--user", "ana@example.com", "--name", "same")
    assert "take an id" in run("authkey", "revoke", "same").err


def test_an_unknown_secret_is_not_repeated(run: Run, network: Network) -> None:
    assert "gwk_" not in run("authkey", "revoke", "gwk_" + "A" * 43).err


def test_api_keys(run: Run, ana: User) -> None:
    made = run("apikey", "create", "--user", "ana@example.com", "--name", "ci", "--json").json
    assert made["token"].startswith("gwa_")
    assert [value["user_login"] for value in run("apikeys", "ls", "--json").json] == ["ana@example.com"]
    assert run("apikey", "revoke", "ci", answer="n\n").code == 1
    assert run("apikey", "revoke", "ci").code == 0
    assert ApiToken.objects.get().revoked_at is not None
    assert run("apikey", "list").out.startswith("No API key")


def test_sessions(run: Run, join: Join, ana: User) -> None:
    join(ana, "web")
    [value] = run("session", "list", "--json").json
    assert list(value) == list(SessionOut().fields)
    outcome = run("session", "revoke", "web", answer="y\n")
    assert outcome.code == 0
    assert "must register again" in outcome.err
    assert Node.objects.get().login_required
    assert run("session", "list", "--json").json == []
    [ended] = run("session", "list", "--all", "--json").json
    assert ended["end_reason"] == "revoked"
    assert run("session", "revoke", "web").err == "error: web has no session.\n"
    assert run("session", "revoke", str(NodeSession.objects.get().pk)).out.endswith("had ended before.\n")


def test_a_retired_key_is_released(run: Run, join: Join, ana: User) -> None:
    join(ana, "web")
    run("node", "delete", "web")
    [value] = run("key", "list", "--json").json
    assert value["node_name_was"] == "web"
    assert run("keys", "release", value["public_key"]).code == 0
    assert not RetiredKey.objects.exists()
    assert run("key", "release", "web").code == 1
