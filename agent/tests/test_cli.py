"""Flags, variables, aliases and exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent import __version__
from agent.cli import main as cli
from agent.cli.options import COMMON, LOGIN, SETTINGS, complete, duration, read_auth_key, spell_switches
from agent.cli.targets import find_target
from agent.errors import UsageError
from agent.state import StateDir
from mesh.errors import NotFoundError

ALL = (*COMMON, *SETTINGS, *LOGIN)


def parse(*words: str) -> dict[str, Any]:
    every = tuple(option for verb in cli.VERBS for option in verb.options)
    return vars(cli._parser().parse_args(spell_switches(list(words), every)))


@pytest.mark.parametrize(
    ("alias", "name"), [("join", "up"), ("leave", "logout"), ("peers", "status"), ("up", "up"), ("run", "run")]
)
def test_aliases_lead_to_their_verbs(alias: str, name: str) -> None:
    assert parse(alias)["verb"].names[0] == name


def test_flags_have_the_names_that_fingers_know() -> None:
    said = parse("up", "--login-server", "https://p.example", "--advertise-tags", "a,b", "--tag=c", "--accept-routes")
    assert (said["server"], said["tags"], said["accept_routes"]) == ("https://p.example", ["a", "b", "c"], True)


@pytest.mark.parametrize(("word", "value"), [("--peers=false", False), ("--peers=true", True), ("--no-peers", False)])
def test_switches_take_a_value(word: str, value: bool) -> None:
    assert parse("status", word)["peers"] is value


def test_what_was_not_said_is_absent() -> None:
    assert set(parse("up")) == {"verb"}


def test_an_interface_given_back_to_the_agent() -> None:
    assert parse("up", "--interface", "auto", "--port", "auto") | {"verb": None} == {
        "verb": None,
        "interface": None,
        "port": None,
    }


def test_variables_stand_for_flags_and_the_flag_wins() -> None:
    said: dict[str, Any] = {"hostname": "flag"}
    environment = {
        "GHOSTWIRE_AGENT_HOSTNAME": "variable",
        "GHOSTWIRE_AGENT_LOGIN_SERVER": "https://p.example",
        "GHOSTWIRE_AGENT_TAG": "a, b",
        "GHOSTWIRE_AGENT_ACCEPT_ROUTES": "yes",
        "GHOSTWIRE_AGENT_STATE_DIR": "/srv/x",
    }
    complete(said, ALL, environment)
    assert said == {
        "hostname": "flag",
        "server": "https://p.example",
        "tags": ("a", "b"),
        "accept_routes": True,
        "state_dir": Path("/srv/x"),
    }


@pytest.mark.parametrize(("name", "value"), [("ACCEPT_ROUTES", "perhaps"), ("PORT", "many"), ("BACKEND", "magic")])
def test_a_variable_that_cannot_be_read_is_named(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"GHOSTWIRE_AGENT_{name}"):
        complete({}, ALL, {f"GHOSTWIRE_AGENT_{name}": value})


def test_every_flag_of_every_verb_has_a_variable() -> None:
    for verb in cli.VERBS:
        for option in verb.options:
            assert option.variables or option.flags[0] in ("-4", "-6")


@pytest.mark.parametrize(("text", "seconds"), [("30", 30), ("30s", 30), ("500ms", 0.5), ("2m", 120), ("1h", 3600)])
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == seconds


def test_an_auth_key_from_a_file_stays_out_of_the_words(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("gwk_secret\n", encoding="ascii")
    assert read_auth_key(f"file:{path}") == ("gwk_secret", str(path))
    assert read_auth_key("gwk_plain") == ("gwk_plain", None)


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_an_auth_key_file_without_a_key(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_text(content, encoding="ascii")
    with pytest.raises(UsageError, match="--auth-key"):
        read_auth_key(f"file:{path}")


def run(*words: str, state: Path) -> int:
    return cli.main([*words, "--state-dir", str(state)])


@pytest.mark.parametrize("words", [("status",), ("status", "--check=ready"), ("netmap",), ("ip",), ("ping", "web")])
def test_exit_code_3_where_no_agent_runs(words: tuple[str, ...], tmp_path: Path) -> None:
    assert run(*words, state=tmp_path / "none") == 3


def test_down_where_nothing_runs_is_fine(tmp_path: Path) -> None:
    assert run("down", state=tmp_path / "none") == 0


def test_up_without_a_portal_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("up", state=tmp_path / "state") == 2
    assert "--server" in capsys.readouterr().err


def test_http_beyond_this_machine_is_refused_before_anything_starts(tmp_path: Path) -> None:
    assert run("up", "--server", "http://192.0.2.1:8080", "--auth-key", "gwk_x", state=tmp_path / "state") == 2
    assert StateDir(tmp_path / "state").settings().server is None


def test_errors_are_json_where_that_was_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("status", "--json", state=tmp_path / "none") == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "not_running"


def test_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("version", "--json", state=tmp_path / "none") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["schema_version"], answer["version"]) == (1, __version__)


STATUS: dict[str, Any] = {
    "node": {"id": 1, "name": "own", "fqdn": "own.x.ghost", "addresses": ["10.0.0.1", "fd77::1"]},
    "peers": [{"id": 22, "name": "web", "fqdn": "web.x.ghost", "addresses": ["10.0.0.2", "fd77::2"]}],
}


@pytest.mark.parametrize(
    "wanted", ["web", "WEB", "web.x.ghost", "web.x.ghost.", "10.0.0.2", "fd77::2", "FD77:0::2", "22"]
)
def test_a_peer_is_found_by_name_address_or_id(wanted: str) -> None:
    assert find_target(STATUS, wanted)["id"] == 22


@pytest.mark.parametrize("wanted", ["we", "10.0.0.22", "2", "x.ghost", ""])
def test_nobody_of_that_name(wanted: str) -> None:
    with pytest.raises(NotFoundError):
        find_target(STATUS, wanted)


@pytest.mark.parametrize("verb", cli.VERBS, ids=lambda verb: verb.names[0])
def test_every_verb_has_its_function(verb: cli.Verb) -> None:
    assert callable(verb.load())
