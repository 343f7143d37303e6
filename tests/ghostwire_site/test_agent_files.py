from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from ghostwire_site import agent_files


@pytest.fixture(autouse=True)
def _public_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    server = settings.GHOSTWIRE.server.model_copy(
        update={"public_urls": ("https://vpn.example.com", "http://192.0.2.7:8080")}
    )
    monkeypatch.setattr(settings, "GHOSTWIRE", settings.GHOSTWIRE.model_copy(update={"server": server}))


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Wheels as the build leaves them, and a file beside them that is nobody's business."""
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels.json").write_text('[{"name": "a-1-py3-none-any.whl"}]')
    (tmp_path / "wheels" / "a-1-py3-none-any.whl").write_bytes(b"wheel")
    (tmp_path / "stamp").write_text("stamp")
    monkeypatch.setattr(agent_files, "BUILT", tmp_path)
    yield tmp_path


@pytest.mark.parametrize(
    ("host", "expected"),
    [("192.0.2.7:8080", "http://192.0.2.7:8080"), ("somewhere.else", "https://vpn.example.com")],
)
@pytest.mark.parametrize("name", ["install.py", "install.sh"])
def test_the_script_knows_the_url_that_the_machine_came_by(client: Client, name: str, host: str, expected: str) -> None:
    response = client.get(f"/agent/{name}", headers={"host": host})
    script = response.content.decode()

    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert expected in script
    assert agent_files.PLACE_OF_URL not in script


def test_the_script_is_python(client: Client) -> None:
    compile(client.get("/agent/install.py").content, "install.py", "exec")


def test_wheels_are_served_with_their_list(client: Client, built: Path) -> None:
    listed = client.get("/agent/wheels.json")
    wheel = client.get("/agent/wheels/a-1-py3-none-any.whl")

    assert listed.headers["Content-Type"] == "application/json"
    assert json.loads(b"".join(listed))[0]["name"] == "a-1-py3-none-any.whl"
    assert wheel.headers["Content-Type"] == "application/octet-stream"
    assert b"".join(wheel) == b"wheel"


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    "path",
    [
        "wheels/b-1-py3-none-any.whl",
        "wheels/stamp",
        "wheels/..%2Fstamp",
        "wheels/..%2f..%2fetc%2fpasswd",
        "install.exe",
    ],
)
@pytest.mark.django_db
def test_nothing_else_is_served(client: Client, path: str) -> None:
    assert client.get(f"/agent/{path}").status_code == 404


@pytest.mark.django_db
def test_wheels_that_were_not_built_are_not_found(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_files, "BUILT", tmp_path / "nothing")

    assert client.get("/agent/wheels.json").status_code == 404


@pytest.mark.parametrize("path", ["install.py", "wheels.json", "wheels/a.whl"])
@pytest.mark.django_db
def test_files_are_for_reading(client: Client, path: str) -> None:
    assert client.post(f"/agent/{path}").status_code == 405
