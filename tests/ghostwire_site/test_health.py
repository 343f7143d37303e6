from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.core.cache.backends.redis import RedisCache
from django.db import OperationalError, connection
from django.test import Client

from ghostwire_site import health
from tests.services.processes import free_port


@contextmanager
def database_away() -> Iterator[None]:
    def refuse(*_: object) -> None:
        raise OperationalError("gone")

    with connection.execute_wrapper(refuse):
        yield


@pytest.mark.django_db
def test_a_server_that_answers_is_alive_even_without_its_database(client: Client) -> None:
    with database_away():
        assert client.get("/healthz").status_code == 200


@pytest.mark.django_db
def test_a_server_with_its_database_is_ready(client: Client) -> None:
    response = client.get("/readyz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.django_db
def test_a_server_without_its_database_is_not_ready(client: Client) -> None:
    with database_away():
        response = client.get("/readyz")

    assert (response.status_code, response.json()["failing"]) == (503, ["database"])
    assert response.headers["Retry-After"] == "5"


@pytest.mark.django_db
def test_a_server_without_its_redis_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    redis = settings.GHOSTWIRE.redis.model_copy(update={"url": url})
    monkeypatch.setattr(settings, "GHOSTWIRE", settings.GHOSTWIRE.model_copy(update={"redis": redis}))
    monkeypatch.setattr(health, "cache", RedisCache(url, {}))
    response = client.get("/readyz")

    assert (response.status_code, response.json()["failing"]) == (503, ["redis"])


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.django_db
def test_health_is_for_reading(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
