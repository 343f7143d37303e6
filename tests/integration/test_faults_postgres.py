"""PostgreSQL crashes and comes back: what was acknowledged is there, and maps are true."""

from __future__ import annotations

import asyncio
import secrets

import httpx
import pytest

from tests.integration.conftest import HEARTBEAT_SECONDS
from tests.integration.fleet import Auditor, poll, running_fleet
from tests.integration.live import LiveMachine
from tests.integration.operator import Operator
from tests.services.many import ManyProcesses

pytestmark = pytest.mark.timeout(400)


async def test_postgresql_crashes_and_no_acknowledged_registration_is_lost(
    stack: ManyProcesses, machines: list[LiveMachine], auditor: Auditor, operator: Operator
) -> None:
    async with running_fleet(machines, stack.urls, auditor, HEARTBEAT_SECONDS) as fleet:
        acknowledged: list[tuple[int, str]] = []
        ended = asyncio.Event()

        async def register_on(url: str) -> None:
            while not ended.is_set():
                async with LiveMachine(url, f"new-{secrets.token_hex(4)}") as machine:
                    try:
                        answer = await machine.register(operator.auth_key)
                    except httpx.HTTPError:
                        await asyncio.sleep(0.1)
                        continue
                    if answer.status_code == 201:
                        acknowledged.append((machine.node_id, machine.public_key))
                    else:
                        assert answer.status_code == 503, answer.text

        registering = [asyncio.create_task(register_on(url)) for url in stack.urls]
        await asyncio.sleep(1)
        await asyncio.to_thread(stack.restart_postgres, "immediate")
        crashed_at = len(acknowledged)
        await poll(lambda: len(acknowledged) >= crashed_at + 3, seconds=30, what="registrations after the crash")
        ended.set()
        await asyncio.gather(*registering)

        truth = await fleet.settled()
        held = {(int(node_id), netmap["node_key"]) for node_id, netmap in truth["maps"].items()}
        assert crashed_at > 0
        assert set(acknowledged) <= held
