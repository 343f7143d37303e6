"""The server on its own, with a small application in a process of its own."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import websockets

from ghostwire_site.config.model import HOME
from ghostwire_site.edge.bodies import FORM_BODY_LIMIT
from tests.services.processes import free_port, wait_until

LONGER_THAN_PATIENCE = 1.2
"""Seconds; a little more than ``PATIENCE_SECONDS`` of the server, whose import would choose a reactor here."""


class Probe:
    """The process, its port, and what it has written."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.told = False
        self.log = folder / "probe.log"
        command = [sys.executable, "-m", "tests.ghostwire_site.runner.probe_server", str(self.port)]
        environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=HOME, env=environment, stdout=log, stderr=subprocess.STDOUT)
        self.wait_for("started")

    def wait_for(self, text: str) -> None:
        wait_until(lambda: text in self.output, seconds=20, what=f"{text!r} in {self.output!r}")

    @property
    def output(self) -> str:
        return self.log.read_text()

    @property
    def resident_megabytes(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]

    def request(self, head: str, body: bytes = b"") -> bytes:
        """Send one request on a connection of its own; give all that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(head.replace("\n", "\r\n").encode() + body)
            answer = b""
            try:
                while chunk := connection.recv(65536):
                    answer += chunk
            except ConnectionResetError:
                pass  # how a connection ends that was cut is not what is asked here
            return answer

    def tell(self, how: signal.Signals) -> None:
        """Tell it to end; a second time ends it at once, so nobody says it twice by accident."""
        self.told = True
        self.process.send_signal(how)

    def end(self) -> int:
        if not self.told:
            self.tell(signal.SIGTERM)
        return self.process.wait(30)


@pytest.fixture
def probe(tmp_path: Path) -> Iterator[Probe]:
    running = Probe(tmp_path)
    yield running
    running.end()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_open_sockets_are_closed_with_1012(probe: Probe, how: signal.Signals) -> None:
    async with websockets.connect(f"ws://127.0.0.1:{probe.port}/") as connection:
        await connection.send("hello")
        assert await connection.recv() == "hello"
        probe.tell(how)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await connection.recv()

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1012, "restarting")
    assert await asyncio.to_thread(probe.process.wait, 30) == 0
    assert "socket closed 1012" in probe.output
    assert probe.output.splitlines()[-2].endswith("stopped")


@pytest.mark.parametrize("code", [1000, 1012, 1013, 4403])
async def test_an_application_may_close_with_any_code_of_the_protocol(probe: Probe, code: int) -> None:
    async with websockets.connect(f"ws://127.0.0.1:{probe.port}/") as connection:
        await connection.send(f"close {code}")
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await connection.recv()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


def test_a_signal_that_comes_twice_is_one(probe: Probe) -> None:
    """make hands on what it gets, and a signal to the process group reaches both."""
    with socket.create_connection(("127.0.0.1", probe.port), timeout=20) as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        probe.wait_for("slow request began")
        probe.tell(signal.SIGTERM)
        probe.wait_for("server.stopping")
        probe.tell(signal.SIGTERM)

        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")
    assert probe.end() == 0


def test_told_again_later_it_ends_at_once(probe: Probe) -> None:
    with socket.create_connection(("127.0.0.1", probe.port), timeout=20) as connection:
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        probe.wait_for("endless request began")
        probe.tell(signal.SIGTERM)
        probe.wait_for("server.stopping")
        late = time.monotonic() + LONGER_THAN_PATIENCE
        wait_until(lambda: time.monotonic() > late, seconds=10, what="the time to lose patience")
        probe.tell(signal.SIGTERM)

        assert probe.end() == 1


def test_a_request_under_way_is_answered_before_the_end(probe: Probe) -> None:
    with socket.create_connection(("127.0.0.1", probe.port), timeout=20) as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        probe.wait_for("slow request began")
        probe.tell(signal.SIGTERM)

        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")
    assert probe.end() == 0


def test_no_new_connection_is_taken_while_ending(probe: Probe) -> None:
    with socket.create_connection(("127.0.0.1", probe.port), timeout=20) as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        probe.wait_for("slow request began")
        probe.tell(signal.SIGTERM)

        def refused() -> bool:
            with socket.socket() as late:
                return late.connect_ex(("127.0.0.1", probe.port)) != 0

        wait_until(refused, seconds=1.2, what="a refused connection")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_a_connection_kept_alive_is_turned_away_while_ending(probe: Probe) -> None:
    with (
        socket.create_connection(("127.0.0.1", probe.port), timeout=20) as kept,
        socket.create_connection(("127.0.0.1", probe.port), timeout=20) as slow,
    ):
        kept.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert kept.recv(65536).startswith(b"HTTP/1.1 200 OK")
        slow.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        probe.wait_for("slow request began")
        probe.tell(signal.SIGTERM)
        probe.wait_for("server.stopping")
        kept.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

        assert kept.recv(65536).startswith(b"HTTP/1.1 503 ")


def test_bodies_arrive_whole(probe: Probe) -> None:
    body = os.urandom(3_000_000)
    answer = probe.request(f"POST / HTTP/1.1\nHost: x\nConnection: close\nContent-Length: {len(body)}\n\n", body)

    assert answer.endswith(f"{len(body)} {hashlib.sha256(body).hexdigest()}".encode())


def test_of_a_body_that_is_too_large_no_more_than_the_limit_is_kept(probe: Probe) -> None:
    body = bytes(2 * FORM_BODY_LIMIT)
    answer = probe.request(f"POST / HTTP/1.1\nHost: x\nConnection: close\nContent-Length: {len(body)}\n\n", body)

    assert int(answer.rpartition(b"\r\n\r\n")[2].split()[0]) <= FORM_BODY_LIMIT


def test_a_body_without_end_is_cut_off(probe: Probe) -> None:
    chunk = b"100000\r\n" + bytes(0x100000) + b"\r\n"
    with socket.create_connection(("127.0.0.1", probe.port), timeout=20) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            for _ in range(100):
                connection.sendall(chunk)


async def test_an_upgrade_is_refused_in_the_applications_words(probe: Probe) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(f"ws://127.0.0.1:{probe.port}/refused")

    response = refused.value.response
    assert (response.status_code, response.headers["Retry-After"], response.body) == (503, "7", b"not now")


def test_the_application_waits_for_a_reader_that_does_not_drain(probe: Probe) -> None:
    """Without back-pressure this would take all memory: the application sends 6.5 GB."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.connect(("127.0.0.1", probe.port))
        connection.sendall(
            b"GET /flood HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        probe.wait_for("taken 0")
        before = taken(probe)
        wait_until(lambda: settled(probe), seconds=20, what="the application to wait")

        assert taken(probe) < 16_000_000
        assert probe.resident_megabytes < 200

        connection.settimeout(10)
        drained = 0
        while drained < 20_000_000:
            drained += len(connection.recv(1 << 20))
        wait_until(lambda: taken(probe) > before + 10_000_000, seconds=20, what="the application to go on")


def taken(probe: Probe) -> int:
    return int(re.findall(r"taken (\d+)", probe.output)[-1])


def settled(probe: Probe, seen: dict[int, int] = {}) -> bool:  # noqa: B006 - remembers between calls
    """Tell whether the amount has not moved over twenty looks."""
    now = taken(probe)
    seen[now] = seen.get(now, 0) + 1
    return seen[now] >= 20
