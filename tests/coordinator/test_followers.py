"""Two worker processes at one PostgreSQL and one Redis: what one commits, the other follows."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.services.postgres import Cluster
from tests.services.redis import RedisServer

HOME = Path(__file__).resolve().parent.parent.parent
PATIENCE = 60.0
NEVER = 3600.0

PREPARE = """
import django; django.setup()
from datetime import UTC, datetime
from django.conf import settings
from django.core.management import call_command
from coordinator.networks import ensure_network
from nodes.models import Node
call_command("migrate", verbosity=0)
network = ensure_network(config=settings.GHOSTWIRE, now=datetime.now(UTC), random5=b"12345")
node = Node.objects.create(network=network, public_key="k" * 43 + "=", name="web", hostname="web")
print(network.pk, node.pk, network.map_version)
"""


class Follower:
    """One worker process, and what it says."""

    def __init__(self, environ: dict[str, str], network_id: int, poll_seconds: float) -> None:
        command = [sys.executable, "-m", "tests.coordinator.follower", str(network_id), str(poll_seconds)]
        self.process = subprocess.Popen(
            command, cwd=HOME, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.strip() == "heard" or line.strip().isdigit():
                self._lines.put(line.strip())

    def until(self, *wanted: str) -> None:
        """Waits until it has said all of that."""
        left = set(wanted)
        while left:
            left.discard(self._lines.get(timeout=PATIENCE))

    def touch(self, node_id: int) -> None:
        """Has it commit a change."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{node_id}\n")
        self.process.stdin.flush()

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Installation:
    """A database with a network of one node, and workers at it."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ
        made = subprocess.run(
            [sys.executable, "-c", PREPARE], cwd=HOME, env=environ, stdout=subprocess.PIPE, check=True
        )
        self.network_id, self.node_id, self.version = map(int, made.stdout.split()[-3:])

    @contextmanager
    def workers(self, poll_seconds: float, redis_url: str) -> Iterator[tuple[Follower, Follower]]:
        environ = self.environ | {"GHOSTWIRE_REDIS__URL": redis_url}
        found = [Follower(environ, self.network_id, poll_seconds) for _ in range(2)]
        try:
            yield found[0], found[1]
        finally:
            for worker in found:
                worker.end()


@pytest.fixture
def installation(postgres: Cluster, redis_server: RedisServer, tmp_path: Path) -> Iterator[Installation]:
    name = f"followers_{os.getpid()}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GHOSTWIRE_", "DJANGO_"))}
    environ = kept | {
        "DJANGO_SETTINGS_MODULE": "ghostwire_site.settings",
        "GHOSTWIRE_CONFIG": os.devnull,
        "GHOSTWIRE_SERVER__DATA_DIR": str(tmp_path),
        "GHOSTWIRE_DATABASE__URL": postgres.url_of(name),
    }
    yield Installation(environ)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_hint_alone_brings_another_worker_up_to_date(installation: Installation, redis_server: RedisServer) -> None:
    # Neither worker polls again within the time of this test, so nothing but hints can tell of a change.
    with installation.workers(NEVER, redis_server.url) as (one, other):
        for worker in (one, other):
            worker.until("heard", str(installation.version))
        one.touch(installation.node_id)
        other.until(str(installation.version + 1))
        other.touch(installation.node_id)
        one.until(str(installation.version + 2))


def test_the_poll_alone_does_while_redis_is_away(installation: Installation) -> None:
    with installation.workers(0.2, "redis://127.0.0.1:1/0") as (one, other):
        for worker in (one, other):
            worker.until(str(installation.version))
        one.touch(installation.node_id)
        other.until(str(installation.version + 1))
