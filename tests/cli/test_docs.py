"""The manual names every verb there is, and none that there is not."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

MANUAL = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
APPS = {"authkey": "ghostwire_site"}
NOUNS = (
    "node",
    "authkey",
    "session",
    "enrolment",
    "user",
    "apikey",
    "job",
    "network",
    "rule",
    "group",
    "host",
    "tag",
    "key",
    "change",
    "policy",
    "status",
    "dns",
    "relay",
)


@pytest.mark.parametrize("noun", NOUNS)
def test_the_table_of_verbs_is_complete(noun: str) -> None:
    module = import_module(f"{APPS.get(noun, 'coordinator')}.management.commands.{noun}")
    group: Any = typer.main.get_command(module.noun._app)
    verbs = {name for name, command in group.commands.items() if not command.hidden}
    [row] = [line for line in MANUAL.splitlines() if line.startswith("| `") and f"`{noun}`" in line.split("|")[1]]
    assert set(row.split("|")[2].split("`")[1].split()) == verbs
