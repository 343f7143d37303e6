"""What happens when machines and people act at the same moment: real threads, real transactions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.services.postgres import Cluster

HOME = Path(__file__).resolve().parent.parent.parent


def run(threads: int, data_dir: Path, **environment: str) -> dict[str, Any]:
    """Runs the races in a process of their own; what came out."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GHOSTWIRE_", "DJANGO_"))}
    own = {
        "GHOSTWIRE_CONFIG": os.devnull,
        "GHOSTWIRE_SERVER__DATA_DIR": str(data_dir),
        "GHOSTWIRE_SERVER__PUBLIC_URLS": "http://localhost",
        "GHOSTWIRE_LOGGING__LEVEL": "ERROR",
        "GHOSTWIRE_LIMITS__CHALLENGES_PER_ADDRESS": "6000/min",
        "GHOSTWIRE_LIMITS__REGISTRATIONS_PER_ADDRESS": "6000/min",
    }
    command = [sys.executable, "-m", "tests.coordinator.race", str(threads)]
    done = subprocess.run(
        command, cwd=HOME, env=clean | own | environment, capture_output=True, text=True, timeout=150, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    results: dict[str, Any] = json.loads(done.stdout)
    return results


def database(cluster: Cluster, name: str) -> str:
    """An empty database of its own; its URL."""
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
        connection.execute(f'CREATE DATABASE "{name}"')
    return cluster.url_of(name)


@pytest.mark.parametrize(("kind", "threads"), [("postgres", 50), ("sqlite", 16)])
def test_races(kind: str, threads: int, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    environment: dict[str, str] = {}
    if kind == "postgres":
        environment["GHOSTWIRE_DATABASE__URL"] = database(request.getfixturevalue("postgres"), "race")
    results = run(threads, tmp_path, **environment)
    few = min(threads, 12)
    assert results == {
        "newcomers": {
            "answers": {"201": threads},
            "names": sorted(["web", *(f"web-{number}" for number in range(1, threads))]),
            "addresses": 2 * threads,
            "twice": 0,
            "gapless": True,
            "version": True,
        },
        "one_off": {"201": 1, "401": few - 1},
        "max_uses": {"201": 5, "401": few - 5},
        "one_machine": {"answers": {"201": 1, "200": few - 1}, "sessions": 1},
        "replay": {"201": 1, "401": few - 1},
        "waiting": {
            "answers": {"202": 5, "429": few - 5},
            "waiting": 5,
            "taken": {"taken": 1, "ConflictError": few - 1},
            "nodes": 1,
        },
        "crowded": {"answers": {"201": 5, "507": few - 5}, "nodes": 5},
        "leaving": {"answers": results["leaving"]["answers"], "alive": 0},
        "quota": {"answers": {"201": 3, "507": 9}, "nodes": 3},
        "deleted": {"answers": results["deleted"]["answers"], "left": 0},
        "last_owners": {"answers": ["ConflictError", "False"], "left": 1},
        "one_off_waiting": {"approved": {"taken": 1, "ConflictError": 2}, "nodes": 1},
    }
    assert set(results["leaving"]["answers"]) <= {"201", "401", "False"}
    assert {"deleted"} < set(results["deleted"]["answers"]) <= {"201", "401", "deleted", "True", "NotFoundError"}
