"""Heartbeats over REST and the agent socket against the least that the same server can do, and session validation.

Each server is one uvicorn worker, the load is a process of its own, and the two servers take turns within one run.

python -m bench.heartbeats
"""

from __future__ import annotations

import http.client
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
TICKS = os.sysconf("SC_CLK_TCK")
Row = tuple[str, str, str, bool]


def run(nodes: int = NODES, sockets: int = SOCKETS) -> list[Row]:
    """One row a measure: what, figure, budget, whether it is met. Works on a SQLite database of its own."""
    sockets = min(sockets, nodes, _most_files() - 500)
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
            _server("ghostwire_site.asgi:application", environment) as portal,
            _server("bench.heartbeat_baseline:baseline", environment) as baseline,
        ):
            rows = [*_rest(portal, baseline, tokens), *_sockets(portal, baseline, tokens, sockets)]
    return [*rows, *_validation(json.loads(filled.stdout))]


class Server:
    """A uvicorn worker and its port."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port

    def cpu_seconds(self) -> float:
        """The processor time that it has used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def _server(application: str, environment: dict[str, str]) -> Iterator[Server]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    options = ["--ws", "websockets-sansio", "--loop", "uvloop", "--http", "httptools", "--lifespan", "off"]
    options += ["--no-access-log", "--log-level", "error", "--backlog", "8192", "--no-proxy-headers"]
    command = [sys.executable, "-m", "uvicorn", application, "--host", "127.0.0.1", "--port", str(port), *options]
    process = subprocess.Popen(command, env=environment)
    try:
        _wait(port, process)
        yield Server(process, port)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            connection.getresponse()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("The server does not come up.")


def _load(what: str, server: Server, tokens: str, connections: int, seconds: float) -> dict[str, Any]:
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


def _rest(portal: Server, baseline: Server, tokens: str) -> list[Row]:
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


def _sockets(portal: Server, baseline: Server, tokens: str, sockets: int) -> list[Row]:
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


def _most_files() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def main() -> None:
    """Print the table."""
    for what, figure, budget, met in run():
        print(f"{'ok  ' if met else 'OVER'} {what:80} {figure:>24}   budget {budget}")


if __name__ == "__main__":
    main()
