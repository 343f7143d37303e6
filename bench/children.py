"""Parts of a bench that run in a process of their own, on a scratch database."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg

HOME = Path(__file__).parent.parent


def psql(cluster: Any, statement: str) -> None:
    """Runs one statement at the cluster, in no transaction."""
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute(statement)


def child(module: str, environ: dict[str, str], part: str, nodes: int) -> dict[str, Any]:
    """What ``python -m MODULE PART NODES`` says in its last line, as JSON."""
    command = [sys.executable, "-m", module, part, str(nodes)]
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, check=True, cwd=HOME)
    return dict(json.loads(done.stdout.splitlines()[-1]))
