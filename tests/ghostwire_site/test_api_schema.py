"""The API's description: each form right, made once, and not sent again to whoever has it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml
from django.test import Client, RequestFactory
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView

from ghostwire_site import api_schema

PATH = "/api/v1/schema/"
JSON, YAML = "application/vnd.oai.openapi+json", "application/vnd.oai.openapi"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An entry for each description that is made from here on."""
    calls: list[str] = []
    make = SchemaGenerator.get_schema

    def counting(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append("made")
        return make(self, *args, **kwargs)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(api_schema, "_made", {})
    monkeypatch.setattr(SchemaGenerator, "get_schema", counting)
    return calls


@pytest.mark.parametrize(
    ("query", "accept", "media_type"),
    [
        ("", "*/*", YAML),
        ("?format=json", "*/*", JSON),
        ("", "application/json", "application/json"),
        ("", JSON, JSON),
        ("", "application/yaml", "application/yaml"),
    ],
)
def test_each_form_is_as_the_generator_has_it(client: Client, query: str, accept: str, media_type: str) -> None:
    answer = client.get(f"{PATH}{query}", HTTP_ACCEPT=accept)
    plain = SpectacularAPIView.as_view()(RequestFactory().get(f"{PATH}{query}", HTTP_ACCEPT=accept)).render()
    assert answer.status_code == 200
    assert answer["Content-Type"] == plain["Content-Type"]
    assert answer["Content-Type"].partition(";")[0] == media_type
    assert "Accept" in answer["Vary"]
    assert answer.content == plain.content
    read = json.loads if "json" in media_type else yaml.safe_load
    assert read(answer.content)["info"]["title"] == "GhostWire"


def test_it_is_made_once_in_each_form_whoever_asks_together(client: Client, made: list[str]) -> None:
    with ThreadPoolExecutor(4) as threads:
        bodies = list(threads.map(lambda _: Client().get(f"{PATH}?format=json").content, range(4)))
    assert len(set(bodies)) == 1
    client.get(f"{PATH}?format=json&version=7&lang=de")
    assert len(made) == 1
    client.get(PATH)
    assert len(made) == 2


def test_who_has_it_is_not_sent_it_again(client: Client) -> None:
    first = client.get(f"{PATH}?format=json")
    assert "max-age" in first["Cache-Control"]
    again = client.get(f"{PATH}?format=json", HTTP_IF_NONE_MATCH=first["ETag"])
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    other = client.get(PATH, HTTP_IF_NONE_MATCH=first["ETag"])
    assert (other.status_code, other["ETag"] != first["ETag"]) == (200, True)
