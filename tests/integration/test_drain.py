"""SIGTERM: sockets are closed with 1012, requests are finished, what was acknowledged stays."""

from __future__ import annotations

import asyncio
import secrets
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.integration.conftest import HEARTBEAT_SECONDS
from tests.integration.fleet import Auditor, running_fleet
from tests.integration.live import LiveMachine, close_code
from tests.integration.operator import Operator
from tests.services.many import ManyProcesses
from tests.services.stack import one_process_portal

pytestmark = pytest.mark.timeout(400)

EXIT_CODES = {"edge-0": -signal.SIGTERM, "portal": 0}
"""uvicorn ends what it has to, and then by the signal itself."""


async def registrations(url: str, auth_key: str, count: int) -> list[tuple[int, str]]:
    """Register machines at once; gives those that were acknowledged."""

    async def one() -> tuple[int, str] | None:
        async with LiveMachine(url, f"new-{secrets.token_hex(4)}") as machine:
            try:
                answer = await machine.register(auth_key)
            except httpx.HTTPError:
                return None  # the server took no more
            return (machine.node_id, machine.public_key) if answer.status_code == 201 else None

    return [found for found in await asyncio.gather(*(one() for _ in range(count))) if found]


@pytest.mark.parametrize("role", EXIT_CODES)
async def test_a_worker_drains(
    stack: ManyProcesses, machines: list[LiveMachine], auditor: Auditor, operator: Operator, role: str
) -> None:
    async with running_fleet(machines, [stack.url_of(role)], auditor, HEARTBEAT_SECONDS) as fleet:
        for agent in fleet.agents:
            agent.urls = [stack.url_of("edge-1")]
        under_way = asyncio.create_task(registrations(stack.url_of(role), operator.auth_key, 20))
        await asyncio.sleep(0.3)
        began = time.monotonic()
        assert await asyncio.to_thread(stack.end, role) == EXIT_CODES[role]
        assert time.monotonic() - began < 20
        acknowledged = await under_way

        truth = await fleet.settled()
        assert fleet.closes()[1012] == len(fleet.agents)
        held = {(int(node_id), netmap["node_key"]) for node_id, netmap in truth["maps"].items()}
        assert set(acknowledged) <= held


@pytest.mark.parametrize("role", ["worker", "beat"])
def test_tasks_end_cleanly(stack: ManyProcesses, role: str) -> None:
    assert stack.end(role) == 0


async def test_a_sign_of_life_that_was_just_acknowledged_is_handed_on(
    stack: ManyProcesses, operator: Operator, auditor: Auditor
) -> None:
    """A node that was offline, says that it lives and loses its worker at once, is online for its peers."""
    async with await operator.newcomer() as machine:
        machine.url = stack.url_of("edge-0")
        machine.http.base_url = httpx.URL(f"{machine.url}/api/v1/")
        assert (await machine.call("POST", "heartbeat", json={})).status_code == 200
        await asyncio.to_thread(stack.end, "edge-0")

        truth = await asyncio.to_thread(auditor.audit)
        assert truth["maps"][str(machine.node_id)]["node"]["online"]


async def test_the_one_process_drains(tmp_path: Path) -> None:
    with one_process_portal(tmp_path) as portal:
        auth_key = portal.manage_json("authkey", "create", "--user", "admin", "--reusable")["key"]
        async with LiveMachine(portal.url) as machine:
            assert (await machine.register(auth_key)).status_code == 201
            async with machine.connect() as socket:
                await machine.greet(socket)
                under_way = asyncio.create_task(registrations(portal.url, auth_key, 10))
                await asyncio.sleep(0.3)
                (server,) = portal.workers
                server.send_signal(signal.SIGTERM)
                assert await close_code(socket) == 1012
            acknowledged = await under_way
        assert await asyncio.to_thread(server.wait, 30) == 0
        nodes = {node["id"] for node in portal.manage_json("node", "list")}
        assert {machine.node_id, *(node_id for node_id, _ in acknowledged)} <= nodes
