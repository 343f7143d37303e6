"""The stack's files, without bringing it up: what nobody may loosen by accident. ``make stack-test`` does the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ghostwire_site.runner.installation import NotPreparedError
from tests.stack.bases import bases

HOME = Path(__file__).resolve().parents[1]
SERVICES: dict[str, Any] = yaml.safe_load((HOME / "docker-compose.yml").read_text())["services"]
OURS = ("init", "portal", "edge", "worker", "beat")


def test_the_stack_has_every_part() -> None:
    assert {*OURS, "postgres", "redis", "proxy", "prometheus", "grafana"} == set(SERVICES)
    assert {name for name, service in SERVICES.items() if "profiles" in service} == {"prometheus", "grafana"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_part_has_no_rights_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"init", "prometheus", "grafana"}))
def test_a_part_says_whether_it_is_well(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


def test_only_the_proxy_is_reached_from_outside() -> None:
    published = {name for name, service in SERVICES.items() if "ports" in service}
    assert published == {"proxy", "grafana"}
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["grafana"]["ports"])


def test_database_and_redis_are_on_the_inside_network_alone() -> None:
    assert SERVICES["postgres"]["networks"] == SERVICES["redis"]["networks"] == ["inside"]


def test_nothing_of_the_host_is_mounted() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            assert not volume.startswith((".", "/")), volume


def test_every_base_image_has_a_version() -> None:
    names = bases((HOME / "Dockerfile").read_text())
    assert len(names) >= 4
    assert all(":" in name and not name.endswith(":latest") for name in names)


def test_bases_are_named_without_stages() -> None:
    assert bases("FROM a:1 AS build\nFROM b/c:2\nFROM build\nFROM a:1 AS again\n") == ["a:1", "b/c:2"]


@pytest.mark.django_db
def test_a_prepared_installation_lacks_nothing() -> None:
    from ghostwire_site.management.commands.wait import missing

    assert missing() is None


def test_what_is_not_prepared_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.core.management import CommandError, call_command

    from ghostwire_site.management.commands import wait

    def lacking() -> None:
        raise NotPreparedError("The database lacks 3 migrations: run manage.py prepare first.")

    monkeypatch.setattr(wait, "check_prepared", lacking)
    with pytest.raises(CommandError, match="lacks 3 migrations"):
        call_command("wait", seconds=-1)
