"""Heartbeats over REST and the agent socket against the least that the same server can do, and session validation.

Each server is one uvicorn worker, the load is a process of its own, and the two servers take turns within one run.

python -m bench.heartbeats
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.servers import Worker, most_files, worker

NODES = 20_000
SOCKETS = 5_000
CONNECTIONS = 64
ROUNDS = 5
ROUND_SECONDS = 4.0
FLEET = 50_000
INTERVAL = 30.0
LEAST_RATIO = 0.5
MOST_CORE = 0.15
MOST_CACHED_US = 50.0
Row = tuple[str, str, str, bool]


def run(nodes: int = NODES, sockets: int = SOCKETS) -> list[Row]:
    """One row a measure: what, figure, budget, whether it is met. Works on a SQLite database of its own."""
    sockets = min(sockets, nodes, most_files() - 500)
    with tempfile.TemporaryDirectory(prefix="ghostwire-bench-") as folder:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "ghostwire_site.settings",
            "GHOSTWIRE_CONFIG": os.devnull,
            "GHOSTWIRE_SERVER__DATA_DIR": folder,
            "GHOSTWIRE_LOGGING__LEVEL": "ERROR",
        }
        print(f"making {nodes:,} nodes", file=sys.stderr)
        command = [sys.executable, "-m", "bench.heartbeat_portal", folder, str(nodes)]
        filled = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
        tokens = str(Path(folder, "tokens"))
        with (
            worker("ghostwire_site.asgi:application", environment) as portal,
            worker("bench.heartbeat_baseline:baseline", environment) as baseline,
        ):
            rows = [*_rest(portal, baseline, tokens), *_sockets(portal, baseline, tokens, sockets)]
    return [*rows, *_validation(json.loads(filled.stdout))]


def _load(what: str, server: Worker, tokens: str, connections: int, seconds: float) -> dict[str, Any]:
    """What a load says of itself, and the processor time that the server spent on it."""
    arguments = [what, str(server.port), tokens, str(connections), str(seconds)]
    command = [sys.executable, "-m", "bench.heartbeat_load", *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdin is not None
    if what == "sockets":
        process.stdout.readline()
    before = server.cpu_seconds()
    process.stdin.write(b"\n")
    process.stdin.close()
    result: dict[str, Any] = json.loads(process.stdout.readline())
    result["cpu"] = server.cpu_seconds() - before
    if process.wait() != 0 or result["bad"]:
        raise RuntimeError(f"{what}: {result}")
    return result


def _rest(portal: Worker, baseline: Worker, tokens: str) -> list[Row]:
    print("first heartbeat of each node, by the database", file=sys.stderr)
    for _ in range(2):  # whoever came while the replica was being loaded is remembered the second time
        _load("rest", portal, tokens, CONNECTIONS, 0)
        time.sleep(1)
    rates, ratios, cpu = [], [], []
    for _ in range(ROUNDS):
        time.sleep(1)  # so that the first nodes may speak again
        empty = _load("rest", baseline, tokens, CONNECTIONS, ROUND_SECONDS)
        real = _load("rest", portal, tokens, CONNECTIONS, ROUND_SECONDS)
        rates.append(real["good"] / real["seconds"])
        ratios.append(rates[-1] / (empty["good"] / empty["seconds"]))
        cpu.append(real["cpu"] / real["good"])
    ratio, rate, core = statistics.median(ratios), statistics.median(rates), _core(cpu)
    return [
        (
            f"heartbeats over REST, {CONNECTIONS} connections: requests/s to an empty handler's",
            f"{ratio:.2f} ({rate:,.0f}/s)",
            f">= {LEAST_RATIO}",
            ratio >= LEAST_RATIO,
        ),
        (f"{FLEET:,} nodes at {INTERVAL:.0f} s over REST", f"{core:.3f} of a core", f"< {MOST_CORE}", core < MOST_CORE),
    ]


def _sockets(portal: Worker, baseline: Worker, tokens: str, sockets: int) -> list[Row]:
    ratios, cpu = [], []
    for _ in range(3):
        time.sleep(5)  # maps may be asked for once in 5 s
        echo = _load("sockets", baseline, tokens, sockets, 2 * ROUND_SECONDS)
        real = _load("sockets", portal, tokens, sockets, 2 * ROUND_SECONDS)
        cpu.append(real["cpu"] / real["good"])
        ratios.append(echo["cpu"] / echo["good"] / cpu[-1])
    ratio, core = statistics.median(ratios), _core(cpu)
    return [
        (
            f"heartbeats on {sockets:,} sockets: an echo's processor time to theirs",
            f"{ratio:.2f} ({statistics.median(cpu) * 1e6:.0f} us)",
            f">= {LEAST_RATIO}",
            ratio >= LEAST_RATIO,
        ),
        (
            f"{FLEET:,} nodes at {INTERVAL:.0f} s on sockets",
            f"{core:.3f} of a core",
            f"< {MOST_CORE}",
            core < MOST_CORE,
        ),
    ]


def _validation(figures: dict[str, Any]) -> list[Row]:
    cached = figures["cached_p99_us"]
    return [
        (
            "session validation from memory, p99",
            f"{cached:.1f} us (p50 {figures['cached_p50_us']:.1f})",
            f"< {MOST_CACHED_US:.0f} us",
            cached < MOST_CACHED_US,
        ),
        (
            "session validation by the database, p50",
            f"{figures['uncached_p50_us']:.0f} us, {figures['queries']} query",
            "one indexed query",
            figures["queries"] == 1 and figures["indexed"],
        ),
    ]


def _core(cpu: list[float]) -> float:
    """The part of a core that a whole fleet takes, of processor seconds a heartbeat."""
    return statistics.median(cpu) * FLEET / INTERVAL


def main() -> None:
    """Print the table."""
    for what, figure, budget, met in run():
        print(f"{'ok  ' if met else 'OVER'} {what:80} {figure:>24}   budget {budget}")


if __name__ == "__main__":
    main()
