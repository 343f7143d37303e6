"""Registrations a second: challenge and registration, proofs and all, on PostgreSQL and Redis with two workers.

The machines are a process of their own that takes turns between the workers; every registration is a new node with an
address, a session and a change that both workers' replicas follow.

python -m bench.registrations
"""

# ruff: noqa: PLC0415 - models can be imported once Django knows its database

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from typing import Any, Final

from bench.children import child
from bench.servers import worker
from bench.stack import stack_environment

MACHINES: Final = 3_000
CONNECTIONS: Final = 24
LEAST: Final = 150
PUBLIC_URL: Final = "http://127.0.0.1:1"
Row = tuple[str, str, str, bool]


def run(machines: int = MACHINES) -> list[Row]:
    """One row a measure: what, figure, budget, whether it is met."""
    often = "1000000/s"
    with tempfile.TemporaryDirectory(prefix="ghostwire-bench-") as folder, stack_environment(folder) as shared:
        environment = shared | {
            "GHOSTWIRE_SERVER__PUBLIC_URLS": json.dumps([PUBLIC_URL]),
            "GHOSTWIRE_LIMITS__CHALLENGES_PER_ADDRESS": often,
            "GHOSTWIRE_LIMITS__CHALLENGES_IN_ALL": often,
            "GHOSTWIRE_LIMITS__REGISTRATIONS_PER_ADDRESS": often,
            "GHOSTWIRE_LIMITS__REGISTRATIONS_PER_KEY": often,
            "GHOSTWIRE_LIMITS__REGISTRATIONS_IN_ALL": often,
        }
        key = child("bench.registrations", environment, "fill", machines)["key"]
        with (
            worker("ghostwire_site.asgi:application", environment) as one,
            worker("ghostwire_site.asgi:application", environment) as two,
        ):
            ports = f"{one.port},{two.port}"
            _load(ports, key, CONNECTIONS * 4)  # both have read the network, and their code is warm
            before = one.cpu_seconds() + two.cpu_seconds()
            found = _load(ports, key, machines)
            worked = one.cpu_seconds() + two.cpu_seconds() - before
    rate, each = machines / found["seconds"], worked / machines * 1000
    figure = f"{rate:.0f} /s, {each:.1f} ms of a worker each"
    return [
        (f"{machines:,} machines register, two workers on PostgreSQL", figure, f"{LEAST} /s", rate > LEAST),
        ("those refused", str(found["refused"]), "0", not found["refused"]),
    ]


def _load(ports: str, key: str, machines: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.registration_load", ports, str(machines), str(CONNECTIONS), PUBLIC_URL]
    done = subprocess.run(command, input=key, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout))


def fill() -> dict[str, Any]:
    """Writes an empty network and an auth key for everybody."""
    from bench.heartbeat_portal import start_django

    start_django()
    from django.conf import settings
    from django.utils import timezone

    from coordinator.networks import ensure_network
    from mesh.change import Cause
    from sessions_app.services.auth_keys import create_auth_key

    now = timezone.now()
    network = ensure_network(config=settings.GHOSTWIRE, now=now, random5=b"bench")
    created = create_auth_key(
        network_id=network.pk,
        now=now,
        random32=secrets.token_bytes(32),
        tags=("tag:web",),
        reusable=True,
        cause=Cause.command(),
    )
    return {"key": created.secret}


def main() -> None:
    """A part for ``run``, or the table."""
    if sys.argv[1:2] == ["fill"]:
        print(json.dumps(fill()))
        return
    for what, figure, budget, met in run(int(sys.argv[1]) if len(sys.argv) > 1 else MACHINES):
        print(f"{'ok  ' if met else 'OVER'} {what:80} {figure:>40}   budget {budget}")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ghostwire_site.settings")
    main()
