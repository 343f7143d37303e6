from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command

from ghostwire_site.config import load
from ghostwire_site.config.command import run
from ghostwire_site.config.model import SECTIONS
from ghostwire_site.config.schema import walk


def outcome(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return run(list(arguments), out=out, err=err), out.getvalue(), err.getvalue()


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "ghostwire.yaml"
    monkeypatch.setenv("GHOSTWIRE_CONFIG", str(path))
    for name in ("GHOSTWIRE_SERVER__DATA_DIR", "GHOSTWIRE_DATABASE__URL"):  # the tests' own
        monkeypatch.delenv(name, raising=False)
    return path


def test_check_says_that_all_is_well(config_file: Path) -> None:
    config_file.write_text("network: {max_peers: 5}")

    assert outcome("check") == (0, "ghostwire.yaml: the configuration is in order\n", "")


def test_check_names_every_problem_and_fails(config_file: Path) -> None:
    config_file.write_text("network:\n  max_peer: 5\n  lease: 1\n")
    code, out, err = outcome("check")

    assert (code, out) == (1, "")
    assert err.splitlines()[0].startswith("ghostwire.yaml, line 2: network.max_peer: there is no such key")
    assert err.splitlines()[1].startswith("ghostwire.yaml, line 3: network.lease: 1 is not a duration")


def test_check_notes_what_has_no_effect(config_file: Path) -> None:
    config_file.write_text("database:\n  connections: 5\n")

    assert outcome("check")[2] == "note: ghostwire.yaml, line 2: database.connections: has no effect on SQLite\n"


def test_show_prints_each_key_with_its_origin(config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config_file.write_text("network:\n  max_peers: 5\n")
    monkeypatch.setenv("GHOSTWIRE_AUTH__SESSION_TIMEOUT", "1h")
    code, out, _ = outcome("show")

    assert code == 0
    assert "  max_peers: 5  # ghostwire.yaml, line 2\n" in out
    assert '  session_timeout: "1h"  # GHOSTWIRE_AUTH__SESSION_TIMEOUT\n' in out
    assert '  lease: "12h"  # default\n' in out
    shown = yaml.safe_load(out)
    assert all(path[-1] in _at(shown, path[:-1]) for path, _ in walk(SECTIONS))


def test_show_masks_passwords(config_file: Path) -> None:
    config_file.write_text(
        "database: {url: 'postgresql://gw:hunter2@db:5432/gw'}\nredis: {url: 'redis://:hunter3@r:6379/0'}\n"
    )
    out = outcome("show")[1]

    assert '  url: "postgresql://gw:********@db:5432/gw"' in out
    assert '  url: "redis://:********@r:6379/0"' in out


def test_show_masks_passwords_with_several_hosts_or_in_the_query(config_file: Path) -> None:
    config_file.write_text("database: {url: 'postgresql://gw:hunter2@a:1,b:2/gw?password=hunter3&sslmode=require'}\n")
    out = outcome("show")[1]

    assert "hunter" not in out
    assert "sslmode=require" in out


def test_show_prints_the_urls_that_follow_from_the_listen_address(config_file: Path) -> None:
    config_file.write_text("server: {listen_addr: '127.0.0.1:9000'}")

    assert '  public_urls: ["http://127.0.0.1:9000", "http://localhost:9000"]  # derived' in outcome("show")[1]


def test_the_example_is_in_order_and_holds_the_defaults(config_file: Path) -> None:
    config_file.write_text("")
    defaults = load().config
    code, out, _ = outcome("example")
    config_file.write_text(out)

    assert code == 0
    assert outcome("check")[0] == 0
    assert load().config == defaults


def test_the_example_stays_in_order_with_every_key_uncommented(config_file: Path) -> None:
    lines = outcome("example")[1].splitlines()
    keys = {path[-1] for path, _ in walk(SECTIONS)}
    uncommented = [
        line.replace("# ", "", 1) if line.strip().startswith("# ") and line.strip()[2:].split(":")[0] in keys else line
        for line in lines
    ]
    config_file.write_text("\n".join(uncommented))

    assert outcome("check")[0] == 0


def test_the_example_says_what_each_key_is_for(config_file: Path) -> None:
    lines = outcome("example")[1].splitlines()
    for path, field in walk(SECTIONS):
        assert field.description, path
        assert any(line.strip().lstrip("# ").startswith(f"{path[-1]}:") for line in lines), path


def test_the_examples_given_for_keys_are_valid(config_file: Path) -> None:
    sections = yaml.safe_load(outcome("example")[1])
    for path, field in walk(SECTIONS):
        for instance in field.examples or ():
            _at(sections, path[:-1])[path[-1]] = instance
    config_file.write_text(yaml.safe_dump(sections))

    assert outcome("check")[0] == 0


def test_the_example_works_where_the_configuration_is_broken(config_file: Path) -> None:
    config_file.write_text("nonsense: [")

    assert outcome("example")[0] == 0


def test_it_is_a_management_command_too(config_file: Path) -> None:
    config_file.write_text("")
    out = io.StringIO()
    call_command("config", "check", stdout=out)

    assert "in order" in out.getvalue()


def test_the_management_command_leaves_with_the_exit_code(config_file: Path) -> None:
    config_file.write_text("x: 1")

    with pytest.raises(SystemExit) as caught:
        call_command("config", "check", stderr=io.StringIO())
    assert caught.value.code == 1


def _at(values: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    for part in path:
        values = values[part]
    return values
