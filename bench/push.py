"""From a change to the last of 5,000 agents, the storm after a restart, an idle socket's memory, and a delta's bytes.

Each portal is a uvicorn worker on SQLite (two workers: on PostgreSQL and Redis), the agents are a process of their own
on raw sockets. What a push is held against is a process that does nothing but write the same bytes to as many sockets;
both take turns. Counted from the moment when the call that makes the change is sent, so the call and its commit count
as well. Half a dozen rounds, since a node may change its endpoints six times a minute.

python -m bench.push
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.servers import Worker, most_files, worker
from bench.stack import stack_environment

AGENTS = 5_000
ROUNDS = 5
MOST_RATIO = 2.0
MOST_RATIO_TWO = 3.0
MOST_STORM_SECONDS = 15.0
MOST_SOCKET_KB = 40.0
MOST_BYTES = 200
Row = tuple[str, str, str, bool]


class Load:
    """The process of the agents."""

    def __init__(self, ports: list[int], tokens: str, agents: int, subprotocol: str = "ghostwire.v1") -> None:
        arguments = [",".join(map(str, ports)), tokens, str(agents), subprotocol]
        command = [sys.executable, "-m", "bench.push_load", *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, word: str) -> dict[str, Any]:
        """Says a word; the answer."""
        self.say(word)
        return self.answer()

    def say(self, word: str) -> None:
        """Says a word without waiting for the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """The next answer."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("The agents are gone.")
        found: dict[str, Any] = json.loads(line)
        return found

    def frame(self) -> bytes:
        """The last frame that an agent got, with its head."""
        return base64.b64decode(self("frame")["frame"])


@contextmanager
def load(*arguments: Any) -> Iterator[Load]:
    """The agents, for as long as the block lasts."""
    agents = Load(*arguments)
    try:
        yield agents
    finally:
        assert agents.process.stdin is not None
        agents.process.stdin.close()
        agents.process.wait(30)


@contextmanager
def bare(frame: bytes, folder: str) -> Iterator[int]:
    """The process that only writes ``frame``; its port."""
    file = Path(folder, "frame")
    file.write_bytes(frame)
    process = subprocess.Popen([sys.executable, "-m", "bench.push_bare", str(file)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(20)


def change(port: int, token: str, number: int) -> float:
    """The hub has another endpoint; when the call was sent, in seconds since 1970."""
    body = json.dumps({"endpoints": [f"203.0.113.9:{10_000 + number}"]})
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.connect()
    sent = time.time()
    connection.request("PUT", "/api/v1/endpoints", body, headers)
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {answer.read()!r}")
    return sent


def trigger(port: int) -> float:
    """Makes the bare process write; when it was told to."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.connect()
    connection.sock.sendall(b"GET / HTTP/1.1\r\nSec-WebSocket-Key: x\r\n\r\n")
    connection.sock.recv(4096)
    sent = time.time()
    connection.sock.sendall(b"go")
    time.sleep(0.01)
    connection.close()
    return sent


def run(agents: int = AGENTS) -> list[Row]:
    """One row a measure: what, figure, budget, whether it is met."""
    agents = min(agents, most_files() - 500)
    with tempfile.TemporaryDirectory(prefix="ghostwire-bench-") as folder:
        environment = portal_environment(folder)
        fill(environment, folder, agents)
        tokens = str(Path(folder, "tokens"))
        hub = Path(tokens).read_text().split()[0]
        with worker("ghostwire_site.asgi:application", environment) as portal:
            rows = one_worker(portal, hub, tokens, folder, agents)
    with tempfile.TemporaryDirectory(prefix="ghostwire-bench-") as folder, stack_environment(folder) as shared:
        environment = portal_environment(folder, **shared)
        fill(environment, folder, agents)
        with (
            worker("ghostwire_site.asgi:application", environment) as one,
            worker("ghostwire_site.asgi:application", environment) as two,
        ):
            return [*rows, two_workers([one, two], str(Path(folder, "tokens")), folder, agents)]


def one_worker(portal: Worker, hub: str, tokens: str, folder: str, agents: int) -> list[Row]:
    """All rows of one worker."""
    rows: list[Row] = []
    with load([portal.port], tokens, agents) as fleet:
        change(portal.port, hub, 0)  # the replica is loaded, and the code warm
        time.sleep(1)
        before = portal.resident_kilobytes()
        fleet("open")
        time.sleep(2)
        kilobytes = (portal.resident_kilobytes() - before) / agents
        what = f"memory of an idle socket, {agents:,} of them"
        rows.append((what, f"{kilobytes:.1f} kB", f"{MOST_SOCKET_KB:g} kB", kilobytes < MOST_SOCKET_KB))
        measured = [pushed([portal], fleet, hub, number) for number in range(1, ROUNDS + 1)]
        frame = fleet.frame()
        with bare(frame, folder) as port, load([port], tokens, agents, "bare") as plain:
            plain("upgrade")
            least = [broadcast(port, plain) for _ in range(ROUNDS)]
        rows.append(ratio_row(f"change sent -> last of {agents:,} agents has it", measured, least, MOST_RATIO))
        rows.append(storm(fleet, agents))
    what = f"one endpoint's delta on the wire: {frame[-(len(frame) - 4) :].decode()[:40]}..."
    rows.append((what, f"{len(frame)} B", f"{MOST_BYTES} B", len(frame) < MOST_BYTES))
    with load([portal.port], tokens, 10, "ghostwire.v1+zstd") as packed:
        packed("open")
        time.sleep(60)  # the hub has used up its changes of this minute
        packed("arm")
        change(portal.port, hub, 99)
        packed("round")
        length = len(packed.frame())
        rows.append(("the same as zstd", f"{length} B", f"{MOST_BYTES} B", length < MOST_BYTES))
    return rows


def two_workers(portals: list[Worker], tokens: str, folder: str, agents: int) -> Row:
    """The agents are spread over two workers, and one of them hears of the change from the other, over Redis."""
    hub = Path(tokens).read_text().split()[0]
    ports = [portal.port for portal in portals]
    with load(ports, tokens, agents) as fleet:
        for number, portal in enumerate(portals):
            change(portal.port, hub, number)  # both replicas are loaded, and the code warm
        time.sleep(1)
        fleet("open")
        time.sleep(2)
        measured = [pushed(portals, fleet, hub, number) for number in range(2, ROUNDS)]
        frame = fleet.frame()
        with bare(frame, folder) as port, load([port], tokens, agents, "bare") as plain:
            plain("upgrade")
            least = [broadcast(port, plain) for _ in range(ROUNDS)]
    return ratio_row(f"the same with two workers and Redis, {agents:,} agents in all", measured, least, MOST_RATIO_TWO)


def pushed(portals: list[Worker], fleet: Load, hub: str, number: int) -> float:
    """Milliseconds from the call to the last agent."""
    fleet("arm")
    sent = change(portals[0].port, hub, number)
    last = float(fleet("round")["last"])
    time.sleep(0.5)  # acknowledgements are taken in
    return (last - sent) * 1000


def broadcast(port: int, plain: Load) -> float:
    """Milliseconds of the bare process."""
    plain("arm")
    sent = trigger(port)
    last = float(plain("round")["last"])
    time.sleep(0.2)
    return (last - sent) * 1000


def ratio_row(what: str, measured: list[float], least: list[float], most: float) -> Row:
    """Medians held against each other."""
    ratio = statistics.median(measured) / statistics.median(least)
    figure = f"{statistics.median(measured):.0f} ms, {ratio:.2f}x of {statistics.median(least):.0f} ms"
    return what, figure, f"{most:g}x a bare broadcast", ratio < most


def storm(fleet: Load, agents: int) -> Row:
    """All connections end at once and all agents come back at once, each with what it has."""
    fleet("drop")
    report = fleet("open")
    seconds, whole = report["last"] - report["began"], report["kinds"]["netmap"]
    figure = f"{seconds:.1f} s, {whole} whole maps"
    return (
        f"{agents:,} agents come back at once",
        figure,
        f"{MOST_STORM_SECONDS:g} s, 0 maps",
        (seconds < MOST_STORM_SECONDS and not whole),
    )


def portal_environment(folder: str, **more: str) -> dict[str, str]:
    """What the portal's processes see."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "ghostwire_site.settings",
        "GHOSTWIRE_CONFIG": os.devnull,
        "GHOSTWIRE_SERVER__DATA_DIR": folder,
        "GHOSTWIRE_LOGGING__LEVEL": "ERROR",
        "GHOSTWIRE_NETWORK__PUSH_INTERVAL": "0s",
        # The agents of this bench send no heartbeats.
        "GHOSTWIRE_NETWORK__KEEPALIVE_INTERVAL": "10m",
        **more,
    }


def fill(environment: dict[str, str], folder: str, agents: int) -> None:
    """Nodes, sessions and the rule."""
    print(f"making {agents:,} nodes", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "bench.push_portal", folder, str(agents)], env=environment, check=True)


def main() -> None:
    """Print the table."""
    for what, figure, budget, met in run(int(sys.argv[1]) if len(sys.argv) > 1 else AGENTS):
        print(f"{'ok  ' if met else 'OVER'} {what:80} {figure:>32}   budget {budget}")


if __name__ == "__main__":
    main()
