"""Processes that only run tasks serve their figures, to those alone who may read them."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import httpx
import pytest
from celery.apps.worker import Worker
from celery.worker import WorkController
from django.conf import settings

from ghostwire_site import celery, task_metrics
from ghostwire_site.beat import OneBeat
from ghostwire_site.config.model import ListenAddress, Metrics
from ghostwire_site.task_metrics import serve_metrics

pytestmark = pytest.mark.django_db
ANY_PORT = ListenAddress(host=ip_address("127.0.0.1"), port=0)


def configure(monkeypatch: pytest.MonkeyPatch, metrics: Metrics) -> None:
    monkeypatch.setattr(settings, "GHOSTWIRE", settings.GHOSTWIRE.model_copy(update={"metrics": metrics}))


@pytest.fixture(scope="module")
def url() -> str:
    """Where a process that serves nothing else tells what it counts."""
    return f"http://{serve_metrics(ANY_PORT)}"


def test_metrics_are_served_and_nothing_else_is(url: str) -> None:
    told = httpx.get(f"{url}/metrics")
    assert (told.status_code, "ghostwire_database_query_seconds" in told.text) == (200, True)
    other = httpx.get(f"{url}/admin/")
    assert (other.status_code, other.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(("token", "status"), [(None, 403), ("a-token-of-16-chars", 401)])
def test_only_those_who_may_read(url: str, monkeypatch: pytest.MonkeyPatch, token: str | None, status: int) -> None:
    configure(monkeypatch, Metrics(allow=(), token=token))
    assert httpx.get(f"{url}/metrics").status_code == status


def test_an_address_that_is_taken_stops_nobody(url: str) -> None:
    port = int(url.rpartition(":")[2])
    assert serve_metrics(ListenAddress(host=ANY_PORT.host, port=port)) is None


def sender(kind: type, **members: Any) -> Any:
    made: Any = object.__new__(kind)
    vars(made).update(members)
    return made


class Beat:
    """What a beat sends its signal with."""

    scheduler: Any


@pytest.mark.parametrize(
    ("by", "address", "served"),
    [
        (sender(Worker), ANY_PORT, True),
        (sender(Beat, scheduler=sender(OneBeat)), ANY_PORT, True),
        (sender(Worker), None, False),
        (sender(WorkController), ANY_PORT, False),
        (sender(Beat, scheduler=object()), ANY_PORT, False),
    ],
    ids=["worker", "beat", "no address", "worker in a portal", "beat in a portal"],
)
def test_which_processes_serve(
    monkeypatch: pytest.MonkeyPatch, by: Any, address: ListenAddress | None, served: bool
) -> None:
    asked: list[ListenAddress] = []
    monkeypatch.setattr(task_metrics, "serve_metrics", asked.append)
    configure(monkeypatch, Metrics(tasks_addr=address))
    celery._serve_metrics(sender=by)
    assert asked == ([address] if served else [])
