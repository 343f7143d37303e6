from __future__ import annotations

import getpass

import pytest

from coordinator.admin_api.serializers.users import UserOut
from nodes.models import Network, Node
from sessions_app.models import User
from tests.cli.conftest import Run
from tests.fixtures import Join

SECRET = "correct horse battery"


def test_create_show_and_list(run: Run, network: Network) -> None:
    made = run("user", "create", "Eva@Example.com", "--role", "auditor", "--display-name", "Eva", "--json").json
    assert list(made) == list(UserOut().fields)
    assert (made["login"], made["role"]) == ("eva@example.com", "auditor")
    assert run("users", "ls", "--json").json == [made]
    assert run("user", "show", str(made["id"]), "--json").json == made
    assert "none: cannot log in" in run("user", "show", "eva@example.com").out


def test_a_role_that_does_not_exist(run: Run, network: Network) -> None:
    assert run("user", "create", "eva", "--role", "king").err == "error: role: There is no role 'king'.\n"


def test_a_password_comes_through_a_pipe(run: Run, network: Network) -> None:
    assert run("user", "create", "eva", "--password", stdin=f"{SECRET}\n").code == 0
    assert User.objects.get().check_password(SECRET)


def test_a_password_is_asked_for_twice_at_a_terminal(run: Run, ana: User, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([SECRET, SECRET, SECRET, "another"])
    monkeypatch.setattr(getpass, "getpass", lambda prompt, stream: next(answers))
    assert run("user", "password", ana.username, answer="").code == 0
    ana.refresh_from_db()
    assert ana.check_password(SECRET)
    assert run("user", "password", ana.username, answer="").err == "error: The two passwords differ.\n"


def test_no_password_and_a_weak_one_are_refused(run: Run, ana: User) -> None:
    assert run("user", "password", ana.username).code == 1
    assert "password:" in run("user", "password", ana.username, stdin="short\n").err


def test_disable_names_what_is_cut(run: Run, ana: User, join: Join) -> None:
    join(ana, "laptop")
    outcome = run("user", "disable", ana.username, answer="n\n")
    assert outcome.code == 1
    assert "Cut off: laptop." in outcome.err
    assert run("user", "disable", ana.username, "--json").json["is_active"] is False
    assert run("user", "enable", ana.username, "--json").json["is_active"] is True


def test_update(run: Run, ana: User) -> None:
    assert run("user", "update", ana.username).code == 2
    assert run("user", "set", ana.username, "--role", "support", "--json").json["role"] == "support"


def test_delete_is_refused_while_there_are_nodes(run: Run, ana: User, join: Join) -> None:
    join(ana, "web")
    outcome = run("user", "delete", ana.username)
    assert (outcome.code, "has 1 nodes" in outcome.err) == (1, True)


def test_delete_with_the_nodes_names_them(run: Run, ana: User, join: Join) -> None:
    join(ana, "web")
    asked = run("user", "delete", ana.username, "--delete-nodes", answer="n\n")
    assert "Deleted: web." in asked.err
    assert Node.objects.exists()
    done = run("user", "delete", ana.username, "--delete-nodes", "--json").json
    assert done == {"id": ana.pk, "login": ana.username, "deleted": True}
    assert not Node.objects.exists()


def test_delete_or_disable_and_give_the_nodes_away(run: Run, ana: User, ben: User, join: Join) -> None:
    join(ana, "web")
    assert run("user", "disable", ana.username, "--give-nodes-to", ben.username).code == 0
    assert Node.objects.get().owner == ben
    assert run("user", "rm", ben.username, "--give-nodes-to", ana.username).code == 1
    assert run("user", "rm", ana.username).code == 0


def test_nodes_have_one_fate(run: Run, ana: User, ben: User) -> None:
    outcome = run("user", "delete", ana.username, "--delete-nodes", "--give-nodes-to", ben.username)
    assert (outcome.code, User.objects.filter(pk=ana.pk).exists()) == (2, True)


def test_give_a_node(run: Run, ana: User, ben: User, join: Join) -> None:
    join(ana, "web")
    asked = run("node", "give", "web", ben.username, answer="n\n")
    assert "Give web to ben@example.com?" in asked.err
    assert run("node", "give", "web", ben.username, "--json").json["user"] == ben.pk
