"""Redis that restarts, forgets, is away or is cut off, and hints that come wrong: maps are true all the same."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from tests.integration.conftest import HEARTBEAT_SECONDS
from tests.integration.fleet import Auditor, Fleet, poll, running_fleet
from tests.integration.live import LiveMachine, close_code
from tests.integration.operator import Operator
from tests.services.many import SERVERS, ManyProcesses

pytestmark = pytest.mark.timeout(400)

CUT_SECONDS = 2.0
"""Within which a node whose right has ended is cut off, on every worker."""


@asynccontextmanager
async def redis_of(stack: ManyProcesses) -> AsyncIterator[Redis]:
    client = Redis.from_url(stack.environ["GHOSTWIRE_REDIS__URL"])
    try:
        yield client
    finally:
        await client.aclose()


async def told_of_a_change(fleet: Fleet, operator: Operator) -> None:
    name = await operator.rename(fleet.agents[0].machine.node_id)
    await poll(lambda: all(name in str(agent.netmap) for agent in fleet.agents), seconds=20, what="all are told")


async def cut_off_on_every_worker(stack: ManyProcesses, operator: Operator) -> None:
    """Take rights of a node at each server, and see that the portal closes each socket in time."""
    for role in SERVERS:
        async with await operator.newcomer() as machine:
            machine.url = stack.url_of(role)
            async with machine.connect() as socket:
                await machine.greet(socket)
                closed = asyncio.create_task(close_code(socket))
                await operator.cut_off(machine.node_id)
                committed = time.monotonic()
                assert await closed == 4403
                assert time.monotonic() - committed < CUT_SECONDS, role


async def test_redis_restarts(
    stack: ManyProcesses, machines: list[LiveMachine], auditor: Auditor, operator: Operator
) -> None:
    async with running_fleet(machines, stack.urls, auditor, HEARTBEAT_SECONDS) as fleet:
        await asyncio.to_thread(stack.stop_redis)
        await asyncio.to_thread(stack.start_redis)
        await told_of_a_change(fleet, operator)
        await fleet.settled()


async def test_redis_is_flushed(
    stack: ManyProcesses, machines: list[LiveMachine], auditor: Auditor, operator: Operator
) -> None:
    async with running_fleet(machines, stack.urls, auditor, HEARTBEAT_SECONDS) as fleet:
        async with redis_of(stack) as redis:
            await redis.flushall()
        await told_of_a_change(fleet, operator)
        await fleet.settled()
        await cut_off_on_every_worker(stack, operator)


async def test_redis_is_away_for_20_seconds_and_beat_with_it(
    stack: ManyProcesses, machines: list[LiveMachine], auditor: Auditor, operator: Operator
) -> None:
    async with running_fleet(machines, stack.urls, auditor, HEARTBEAT_SECONDS) as fleet:
        before = fleet.closes()
        await asyncio.to_thread(stack.end, "beat")
        await asyncio.to_thread(stack.stop_redis)
        away = time.monotonic()
        await told_of_a_change(fleet, operator)
        await cut_off_on_every_worker(stack, operator)
        await asyncio.sleep(max(0.0, 20 - (time.monotonic() - away)))
        await fleet.settled(seconds=10)
        assert fleet.closes() == before, "no agent lost its socket"

        await asyncio.to_thread(stack.mend)
        await told_of_a_change(fleet, operator)
        await fleet.settled()


async def test_redis_hangs(
    stack: ManyProcesses, machines: list[LiveMachine], auditor: Auditor, operator: Operator
) -> None:
    """It takes connections and says nothing, as a machine does that is cut off or stands still."""
    async with running_fleet(machines, stack.urls, auditor, HEARTBEAT_SECONDS) as fleet:
        before = fleet.closes()
        os.kill(stack.redis["pid"], signal.SIGSTOP)
        try:
            await told_of_a_change(fleet, operator)
            assert fleet.closes() == before, "no agent lost its socket"
        finally:
            os.kill(stack.redis["pid"], signal.SIGCONT)
        await fleet.settled()


async def test_hints_are_lost(
    stack: ManyProcesses, machines: list[LiveMachine], auditor: Auditor, operator: Operator
) -> None:
    async with running_fleet(machines, stack.urls, auditor, HEARTBEAT_SECONDS) as fleet, redis_of(stack) as redis:
        # Every connection is cut at once, and again while workers find their way back.
        for _ in range(3):
            await redis.client_kill_filter(_type="pubsub")
            await told_of_a_change(fleet, operator)
        await fleet.settled()


async def test_hints_come_twice_and_in_the_wrong_order(
    stack: ManyProcesses, machines: list[LiveMachine], auditor: Auditor, operator: Operator
) -> None:
    async with running_fleet(machines, stack.urls, auditor, HEARTBEAT_SECONDS) as fleet, redis_of(stack) as redis:
        heard: list[tuple[bytes, bytes]] = []
        async with redis.pubsub() as listener:
            await listener.psubscribe("*")
            for _ in range(5):
                await told_of_a_change(fleet, operator)
            while (message := await listener.get_message(timeout=0.5)) is not None:
                if message["type"] == "pmessage":
                    heard.append((message["channel"], message["data"]))
        assert heard
        for channel, data in [*reversed(heard), *heard, *heard]:
            await redis.publish(channel, data)
        await told_of_a_change(fleet, operator)
        for channel, data in reversed(heard):
            await redis.publish(channel, data)
        await fleet.settled()
