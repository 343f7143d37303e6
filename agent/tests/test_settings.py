"""What is said is kept; what is not said stays."""

from __future__ import annotations

from typing import Any

import pytest

from agent.errors import UsageError
from agent.settings import Settings, from_json, merge


def test_what_is_not_said_stays_as_it_was() -> None:
    kept = merge(Settings(), {"server": "https://p.example", "tags": ("tag:ci",), "accept_routes": True})
    again = merge(kept, {"hostname": "web"})
    assert (again.server, again.tags, again.accept_routes) == ("https://p.example", ("tag:ci",), True)


def test_reset_forgets_how_the_agent_behaves_but_not_which_one_it_is() -> None:
    kept = Settings(server="https://p.example", interface="gw7", port=7, accept_routes=True, tags=("tag:ci",))
    after = merge(kept, {"hostname": "web"}, reset=True)
    assert (after.server, after.interface, after.port) == ("https://p.example", "gw7", 7)
    assert (after.accept_routes, after.tags) == (False, ())


def test_settings_survive_the_state_directory() -> None:
    settings = Settings(server="https://p.example", tags=("tag:a",), routes=("10.0.0.0/8",), exit_node=True)
    assert from_json(settings.to_json()) == settings


def test_members_of_a_later_version_are_left_out() -> None:
    assert from_json({"hostname": "web", "novelty": 1}) == Settings(hostname="web")


def test_a_tag_may_be_said_without_its_prefix_and_counts_once() -> None:
    assert merge(Settings(), {"tags": ("ci", "tag:ci", "web")}).tags == ("tag:ci", "tag:web")


def test_default_routes_stand_for_an_exit_node() -> None:
    settings = merge(Settings(), {"routes": ("0.0.0.0/0", "192.168.4.0/24")})
    assert (settings.exit_node, settings.routes) == (True, ("192.168.4.0/24",))
    assert settings.advertised == ("192.168.4.0/24", "0.0.0.0/0", "::/0")


WRONG: list[dict[str, Any]] = [
    {"backend": "magic"},
    {"port": 0},
    {"port": 65536},
    {"interface": "sixteen-letters-"},
    {"interface": "../../etc"},
    {"interface": 'a"; flush ruleset'},
    {"interface": ""},
    {"hostname": ""},
    {"routes": ("192.168.4.1/24",)},
    {"routes": ("everything",)},
    {"tags": ("tag:",)},
    {"tags": ("tag:a b",)},
]


@pytest.mark.parametrize("given", WRONG, ids=str)
def test_what_cannot_be_is_refused_with_the_flag_at_fault(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"^--"):
        merge(Settings(), given)
