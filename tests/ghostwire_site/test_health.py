from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.cache.backends.redis import RedisCache
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from coordinator import task_health
from ghostwire_site import health
from nodes.periodic import MemoryRuns, Run
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


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/health"])
@pytest.mark.django_db
def test_health_is_for_reading(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> MemoryRuns:
    """An empty store of runs that began to listen now."""
    store = MemoryRuns()
    store.since(timezone.now())
    monkeypatch.setattr(task_health, "run_store", lambda: store)
    return store


@pytest.mark.django_db
def test_all_is_well_while_tasks_start(client: Client, runs: MemoryRuns) -> None:
    response = client.get("/health")
    assert (response.status_code, response.json()["status"]) == (200, "ok")
    assert set(response.json()["tasks"].values()) == {"starting"}


@pytest.mark.django_db
def test_a_silent_beat_is_told(client: Client, runs: MemoryRuns) -> None:
    runs.note(Run("nodes.sweep", timezone.now() - timedelta(minutes=5), 0.1, 0.0))
    response = client.get("/health")
    assert (response.status_code, response.json()["failing"]) == (503, ["task nodes.sweep: silent"])
    assert client.get("/readyz").status_code == 200, "agents are served all the same"


@pytest.mark.django_db
def test_a_failed_task_is_told_without_its_error(client: Client, runs: MemoryRuns) -> None:
    runs.note(Run("nodes.sweep", timezone.now(), 0.1, 0.0, 0, "OperationalError"))
    response = client.get("/health")
    assert response.json()["failing"] == ["task nodes.sweep: failed"]
    assert "OperationalError" not in response.content.decode()


@pytest.mark.django_db
def test_a_database_that_is_away_is_told(client: Client, runs: MemoryRuns) -> None:
    with database_away():
        assert client.get("/health").json()["failing"] == ["database"]
