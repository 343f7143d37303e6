"""Hints between processes, over a real Redis: each line stands for a process of its own."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from channels_redis.pubsub import RedisPubSubChannelLayer

from nodes.hints import line as module
from nodes.hints.line import LOST, Line
from tests.services.processes import answers, free_port, wait_until
from tests.services.redis import RedisServer

PATIENCE = 30.0


class OwnRedis:
    """A Redis that can be stopped and comes back at the same port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        command += ["--save", "", "--appendonly", "no", "--logfile", str(self._folder / "redis.log")]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_until(lambda: answers(self.port), seconds=PATIENCE, what="redis-server")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Process:
    """What one process hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, int]] = []
        self.topics: list[tuple[str, int]] = []
        self.line = Line(
            lambda network_id, version: self.heard.append((network_id, version)),
            lambda topic, network_id: self.topics.append((topic, network_id)),
        )

    def hears(self, network_id: int, version: int) -> bool:
        return (network_id, version) in self.heard


Connect = Callable[[str], list[Process]]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """Two processes at a Redis, both listening."""
    processes = [Process(), Process()]

    def at(url: str) -> list[Process]:
        layer = RedisPubSubChannelLayer(hosts=[{"address": url, "socket_timeout": 5}], prefix=f"test-{id(processes)}")
        monkeypatch.setattr(module, "get_channel_layer", lambda: layer)
        for process in processes:
            process.line.listen()
        return processes

    yield at
    for process in processes:
        process.line.stop()


@pytest.fixture
def own_redis(redis_server: RedisServer, tmp_path: Path) -> Iterator[OwnRedis]:
    """Not started yet. (The run's own Redis says whether there is a program at all.)"""
    server = OwnRedis(tmp_path)
    yield server
    server.kill()


def until_heard(*processes: Process) -> None:
    wait_until(lambda: all(process.line.is_heard for process in processes), seconds=PATIENCE, what="subscriptions")


def test_a_hint_reaches_the_other_process_once(connect: Connect, redis_server: RedisServer) -> None:
    one, other = connect(redis_server.url)
    until_heard(one, other)
    one.line.send(7, 41)
    one.line.send(8, 1)
    wait_until(lambda: other.hears(7, 41) and other.hears(8, 1), seconds=PATIENCE, what="the hints")
    assert sorted(other.heard) == [(7, 41), (8, 1)]


def test_what_a_process_sends_is_no_news_to_itself(connect: Connect, redis_server: RedisServer) -> None:
    one, other = connect(redis_server.url)
    until_heard(one, other)
    one.line.send(7, 41)
    wait_until(lambda: other.hears(7, 41), seconds=PATIENCE, what="the hint")
    assert one.heard == []


def test_versions_that_wait_are_one_hint_with_the_latest(connect: Connect, redis_server: RedisServer) -> None:
    one, other = connect(redis_server.url)
    until_heard(one, other)
    with one.line._condition:
        # The line cannot look meanwhile.
        for version in (3, 5, 4):
            one.line.send(7, version)
    wait_until(lambda: bool(other.heard), seconds=PATIENCE, what="the hint")
    assert other.heard == [(7, 5)]


def test_a_topic_reaches_the_pages_of_the_other_process(connect: Connect, redis_server: RedisServer) -> None:
    one, other = connect(redis_server.url)
    until_heard(one, other)
    one.line.send_topic("enrolments", 7)
    wait_until(lambda: other.topics == [("enrolments", 7)], seconds=PATIENCE, what="the topic")
    assert (one.topics, other.heard) == ([], [])


def test_a_topic_waits_once_however_often_it_is_told(connect: Connect, own_redis: OwnRedis) -> None:
    one, _ = connect(own_redis.url)
    with one.line._condition:
        for _ in range(100):
            one.line.send_topic("jobs", 7)
        assert one.line._topics == {("jobs", 7)}


def test_whoever_only_sends_needs_no_subscription(connect: Connect, redis_server: RedisServer) -> None:
    one, other = connect(redis_server.url)
    until_heard(one, other)
    command = Process()
    command.line.send(7, 41)
    command.line.stop()
    wait_until(lambda: other.hears(7, 41), seconds=PATIENCE, what="the hint of a process that has ended")
    assert not command.line.is_heard


def test_sending_fails_nobody_while_redis_is_away(connect: Connect, own_redis: OwnRedis) -> None:
    connect(own_redis.url)
    command, lost = Process(), LOST._value.get()
    command.line.send(7, 41)
    assert command.line.drain(PATIENCE)
    assert command.line.is_away
    assert LOST._value.get() == lost + 1
    command.line.stop()


def test_what_waits_while_redis_is_away_is_one_version_a_network(connect: Connect, own_redis: OwnRedis) -> None:
    one, _ = connect(own_redis.url)
    for version in range(1000):
        one.line.send(version % 3, version)
    assert len(one.line._pending) <= 3


def test_one_that_listens_before_redis_is_there_hears_once_it_is(connect: Connect, own_redis: OwnRedis) -> None:
    one, other = connect(own_redis.url)
    wait_until(lambda: one.line.is_away and other.line.is_away, seconds=PATIENCE, what="the lines to notice")
    own_redis.start()
    until_heard(one, other)
    one.line.send(7, 41)
    wait_until(lambda: other.hears(7, 41), seconds=PATIENCE, what="the hint")


def test_the_line_comes_back_after_redis_does(connect: Connect, own_redis: OwnRedis) -> None:
    own_redis.start()
    one, other = connect(own_redis.url)
    until_heard(one, other)
    own_redis.kill()
    wait_until(lambda: one.line.is_away and other.line.is_away, seconds=PATIENCE, what="the lines to notice")
    own_redis.start()

    def heard_again() -> bool:
        one.line.send(7, 41)
        return other.hears(7, 41)

    wait_until(heard_again, seconds=PATIENCE, what="a hint after the restart")
    wait_until(lambda: not one.line.is_away and not other.line.is_away, seconds=PATIENCE, what="both lines")


def test_an_absence_is_said_once(connect: Connect, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    class Log:
        def warning(self, event: str, **_: Any) -> None:
            said.append(f"{threading.current_thread().name} {event}")

        info = warning

    monkeypatch.setattr(module, "log", Log())
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    one, _ = connect(own_redis.url)
    for version in range(20):
        one.line.send(7, version)
        one.line.drain(0.05)
    wait_until(lambda: len(said) == 2, seconds=PATIENCE, what="both lines to say it")
    assert all(item.endswith("hints.away") for item in said)


def test_a_subscription_that_died_silently_is_renewed(
    connect: Connect, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ECHO_SECONDS", 0.2)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)
    one, other = connect(redis_server.url)
    until_heard(one, other)
    layer: Any = vars(module)["get_channel_layer"]()
    # As if the library's receiving task had ended: nothing arrives any more, and nothing fails.
    shard = layer._layers[other.line._loop]._shards[0]
    assert other.line._loop is not None
    other.line._loop.call_soon_threadsafe(shard._receive_task.cancel)

    def heard_again() -> bool:
        one.line.send(7, 41)
        # It notices by what it sends itself.
        other.line.send(9, 1)
        return other.hears(7, 41)

    wait_until(heard_again, seconds=PATIENCE, what="a hint over the new subscription")


def test_what_strangers_say_on_the_group_is_passed_over(connect: Connect, redis_server: RedisServer) -> None:
    one, other = connect(redis_server.url)
    until_heard(one, other)
    layer: Any = vars(module)["get_channel_layer"]()

    async def shout() -> None:
        await layer.group_send(module.GROUP, {"type": "something.else"})
        await layer.flush()

    asyncio.run(shout())
    one.line.send(7, 41)
    wait_until(lambda: other.hears(7, 41), seconds=PATIENCE, what="the hint after it")
    with suppress(ValueError):
        other.heard.remove((7, 41))
    assert other.heard == []
