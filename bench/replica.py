"""A worker's replica at 50,000 nodes: how soon it serves, what it weighs, and how long it holds up the event loop.

Each figure comes from a process of its own, on a private PostgreSQL and Redis.

python -m bench.replica
"""

# ruff: noqa: PLC0415 - models can be imported once Django knows its database

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.children import child, psql

NODES = 50_000
USERS = 10_000
RULES = 200
AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
Row = tuple[str, str, str, bool]


def run(nodes: int = NODES) -> list[Row]:
    """Rows of (what, figure, budget, met)."""
    from tests.services.postgres import session_cluster
    from tests.services.redis import session_redis

    with tempfile.TemporaryDirectory(prefix="ghostwire-bench-") as folder:
        name = f"replica_{os.getpid()}"
        cluster = session_cluster()
        psql(cluster, f"CREATE DATABASE {name}")
        environ = os.environ | {
            "DJANGO_SETTINGS_MODULE": "ghostwire_site.settings",
            "GHOSTWIRE_CONFIG": os.devnull,
            "GHOSTWIRE_SERVER__DATA_DIR": folder,
            "GHOSTWIRE_LOGGING__LEVEL": "WARN",
            "GHOSTWIRE_DATABASE__URL": cluster.url_of(name),
            "GHOSTWIRE_REDIS__URL": session_redis().url,
        }
        try:
            child("bench.replica", environ, "fill", nodes)
            without = child("bench.replica", environ, "start", nodes)
            child("bench.replica", environ, "snapshot", nodes)
            with_one = child("bench.replica", environ, "start", nodes)
            moved = child("bench.replica", environ, "move", nodes)
        finally:
            psql(cluster, f"DROP DATABASE {name} WITH (FORCE)")
    return [
        _row(f"worker start, {nodes:,} nodes from SQL", _start(without), 10, without["seconds"]),
        _row(f"worker start, {nodes:,} nodes from a snapshot", _start(with_one), 10, with_one["seconds"]),
        _row("memory of the replica, a node", f"{with_one['node_bytes']:,.0f} B", 2500, with_one["node_bytes"]),
        _row("memory of the whole worker", f"{with_one['rss'] / 1e6:.0f} MB", 400, with_one["rss"] / 1e6),
        _row(
            "the same after 600 changes, policies and outages among them",
            f"{moved['rss'] / 1e6:.0f} MB",
            400,
            moved["rss"] / 1e6,
        ),
        _row("longest collector pause while loading", f"{with_one['pause_ms']:.1f} ms", 10, with_one["pause_ms"]),
        _row("longest collector pause while following", f"{moved['pause_ms']:.1f} ms", 10, moved["pause_ms"]),
        _row("event loop held up while loading from SQL", f"{without['lag_ms']:.0f} ms", 150, without["lag_ms"]),
        _row("event loop held up while loading a snapshot", f"{with_one['lag_ms']:.0f} ms", 150, with_one["lag_ms"]),
        _row("event loop held up by changes of all kinds", f"{moved['lag_ms']:.0f} ms", 150, moved["lag_ms"]),
    ]


def _start(found: dict[str, Any]) -> str:
    return f"{found['seconds']:.1f} s ({found['processor']:.1f} s of work)"


def _row(what: str, figure: str, budget: float, value: float) -> Row:
    return what, figure, f"{budget:,g}", value < budget


# --- In the children


def fill(nodes: int) -> dict[str, Any]:
    """Writes the network."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from bench.replica_rows import write_network

    return {"network": write_network(nodes=nodes, users=USERS, rules=RULES, at=AT)}


def start(nodes: int) -> dict[str, Any]:
    """Loads the network as a worker does that starts, with an event loop beside it."""
    before, pauses = _bare_process(), Pauses()
    began, worked = time.perf_counter(), time.process_time()
    lag = _beside_a_loop(lambda: _serve_one_map(nodes))
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    rss = memory()
    return {
        "seconds": seconds,
        "processor": worked,
        "lag_ms": lag,
        "rss": rss,
        "node_bytes": (rss - before) / nodes,
        "pause_ms": pauses.longest_ms,
    }


def snapshot(nodes: int) -> dict[str, Any]:
    """Writes the network's snapshot."""
    _bare_process()
    from coordinator.replica import REPLICAS, current_state
    from coordinator.snapshots import SNAPSHOTS
    from nodes.models import Network

    network_id = Network.objects.get().pk
    current_state(network_id)
    mark = REPLICAS.of(network_id).mark()
    assert mark is not None
    began = time.perf_counter()
    lag = _beside_a_loop(lambda: SNAPSHOTS.write(*mark))
    return {"seconds": time.perf_counter() - began, "lag_ms": lag}


def move(nodes: int) -> dict[str, Any]:
    """Follows hundreds of changes: endpoints, classes, presence in bulk, rules."""
    _bare_process()
    _serve_one_map(nodes)
    pauses = Pauses()
    lag = _beside_a_loop(lambda: _follow(nodes))
    return {"lag_ms": lag, "rss": memory(), "pause_ms": pauses.longest_ms}


def _bare_process() -> int:
    """Imports what a worker imports; its memory then."""
    import django

    django.setup()
    import ghostwire_site.asgi  # noqa: F401
    from coordinator.replica import current_state  # noqa: F401
    from nodes.models import Network

    Network.objects.count()
    gc.collect()
    return memory()


def _serve_one_map(nodes: int) -> None:
    from coordinator.replica import current_state
    from mesh.netmap.maps import map_json, map_pieces
    from nodes.models import Network, Node

    state = current_state(Network.objects.get().pk)
    assert len(state.topology.nodes) == nodes
    node_id = Node.objects.order_by("pk").values_list("pk", flat=True)[nodes // 2]
    map_json(map_pieces(state, node_id))


def _follow(nodes: int) -> None:
    from bench.replica_rows import write_changes
    from coordinator.replica import REPLICAS, current_version
    from nodes.models import Network

    network_id = Network.objects.get().pk
    for _ in write_changes(network_id, random.Random(4)):
        REPLICAS.of(network_id).catch_up(current_version(network_id))


def _beside_a_loop(work: Callable[[], object]) -> float:
    """Does the work in a thread beside an event loop; the longest in milliseconds that the loop did not get to run."""
    worst = 0.0

    async def main() -> None:
        nonlocal worst
        done = asyncio.get_running_loop().run_in_executor(None, work)
        while not done.done():
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            worst = max(worst, time.perf_counter() - began - 0.001)
        await done

    asyncio.run(main())
    return worst * 1000


class Pauses:
    """Measures the collector's runs from now on, in time on a processor: it never waits for anything."""

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self._began = 0.0
        gc.callbacks.append(self._note)

    def _note(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.thread_time()
        else:
            self.longest_ms = max(self.longest_ms, (time.thread_time() - self._began) * 1000)


def memory() -> int:
    """Resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


PARTS = {"fill": fill, "start": start, "snapshot": snapshot, "move": move}


def main() -> None:
    """Print the table, or do one child's part."""
    if len(sys.argv) > 1:
        print(json.dumps(PARTS[sys.argv[1]](int(sys.argv[2]))))
        return
    for what, figure, budget, met in run():
        print(f"{'ok  ' if met else 'OVER'}  {what:60}  {figure:>24}   budget {budget}")


if __name__ == "__main__":
    main()
