"""The examples of docs/access-control.md, run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from acl.services.rules import create_rule
from coordinator.cli.terminal import terminal
from coordinator.management.commands.policy import noun
from coordinator.policy.documents import export_policy, import_policy
from mesh.change import Cause
from mesh.policy import conditions_from_json, schedule_from_json
from nodes.models import Network
from sessions_app.models import User

TEXT = (Path(settings.BASE_DIR) / "docs" / "access-control.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\S+)(?: (\w+))?\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def blocks(kind: str) -> list[str]:
    found = [text for _, name, text in BLOCKS if name == kind]
    assert found
    return found


def act() -> dict[str, Any]:
    return {"cause": Cause.command(), "now": timezone.now()}


@pytest.mark.usefixtures("ana", "ben")
def test_the_document_comes_into_force_and_keeps_its_own_tests(network: Network) -> None:
    [text] = blocks("policy")
    done = import_policy(network_id=network.pk, text=text, **act())
    assert done.version is not None and not done.version.forced
    assert export_policy(network_id=network.pk).text == text


@pytest.mark.parametrize("text", blocks("schedule"))
def test_a_schedule_is_taken(network: Network, ana: User, text: str) -> None:
    schedule = json.loads(text)
    fields = {"action": "accept", "sources": ["*"], "destinations": ["*"], "schedule": schedule}
    made = create_rule(network_id=network.pk, fields=fields, **act())
    assert made.pk is not None
    assert schedule_from_json(schedule) is not None


@pytest.mark.parametrize("text", blocks("conditions"))
def test_conditions_are_taken(text: str) -> None:
    assert len(conditions_from_json(json.loads(text))) == 3


def test_the_commands_are_there() -> None:
    [text] = [text for language, _, text in BLOCKS if language == "sh"]
    words = re.findall(r"^manage\.py policy (\w+)", text, re.MULTILINE)
    assert words == ["check", "import", "apply", "confirm", "revert", "export", "explain", "lint"]
    for word in words:
        assert noun.run([word, "--help"], prog="manage.py policy", present=terminal()) == 0


def test_the_calls_are_in_the_description(client: Any, db: None) -> None:
    described = client.get("/api/v1/schema/?format=json").json()["paths"]
    for path in ("", "/preview", "/explain", "/matrix", "/graph", "/lint", "/tests", "/versions", "/trial"):
        assert f"policy{path}" in TEXT
        assert f"/api/v1/admin/policy{path}" in described
