"""Workers that die at the worst moment, and agents that drop or do not read."""

from __future__ import annotations

import asyncio
import secrets
import signal
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.integration.conftest import HEARTBEAT_SECONDS
from tests.integration.fleet import Auditor, poll, running_fleet
from tests.integration.live import LiveMachine
from tests.integration.operator import Operator
from tests.services.many import ManyProcesses

pytestmark = pytest.mark.timeout(400)


def order(stack: ManyProcesses, text: str) -> None:
    """Say where ``edge-1`` is to die."""
    Path(stack.environ["GHOSTWIRE_SABOTAGE"]).write_text(text)


async def test_a_worker_killed_between_commit_and_answer_loses_no_registration(
    stack: ManyProcesses, machines: list[LiveMachine], auditor: Auditor, operator: Operator
) -> None:
    async with running_fleet(machines, stack.urls, auditor, HEARTBEAT_SECONDS) as fleet:
        newcomer = LiveMachine(stack.url_of("edge-1"), f"new-{secrets.token_hex(4)}")
        order(stack, "answer /api/v1/nodes/register")
        with pytest.raises(httpx.TransportError):
            await newcomer.register(operator.auth_key)
        assert await asyncio.to_thread(stack.died, "edge-1") == -signal.SIGKILL
        committed = await asyncio.to_thread(auditor.audit)

        async with LiveMachine(stack.url, newcomer.hostname) as again:
            again.private_key, again.public_key = newcomer.private_key, newcomer.public_key
            answer = await again.register(operator.auth_key)
        assert answer.status_code == 200, "known already"
        node = answer.json()["node"]
        assert {address.split("/")[0] for address in node["addresses"]} <= set(committed["addresses"])
        assert committed["maps"][str(node["id"])]["node_key"] == newcomer.public_key
        truth = await fleet.settled()
        keys = [peer["key"] for peer in truth["maps"][str(machines[0].node_id)]["peers"]]
        assert keys.count(newcomer.public_key) == 1
        await newcomer.http.aclose()


async def test_a_worker_killed_in_the_middle_of_a_push_leaves_nobody_behind(
    stack: ManyProcesses, machines: list[LiveMachine], auditor: Auditor, operator: Operator
) -> None:
    first_there = [stack.url_of("edge-1")]
    async with running_fleet(machines, first_there, auditor, HEARTBEAT_SECONDS) as fleet:
        for agent in fleet.agents:
            agent.urls = [stack.url_of("edge-0"), stack.url_of("portal")]
        order(stack, "push 7")
        name = await operator.rename(machines[0].node_id)
        assert await asyncio.to_thread(stack.died, "edge-1") == -signal.SIGKILL
        told = sum(name in str(agent.netmap) for agent in fleet.agents)
        assert 0 < told < len(fleet.agents), "in the middle"

        await fleet.settled()
        assert all(name in str(agent.netmap) for agent in fleet.agents)


async def test_a_policy_on_trial_is_gone_in_time_though_the_worker_that_began_it_was_killed(
    stack: ManyProcesses, machines: list[LiveMachine], auditor: Auditor, operator: Operator
) -> None:
    others = [stack.url_of("edge-0"), stack.url_of("portal")]
    async with running_fleet(machines[:4], others, auditor, HEARTBEAT_SECONDS) as fleet:
        assert all(agent.netmap["peers"] for agent in fleet.agents)
        order(stack, "answer /api/v1/admin/policy")
        dying = Operator(stack.url_of("edge-1"), token=operator.token, auth_key=operator.auth_key)
        with pytest.raises(httpx.TransportError):
            await dying.call("PUT", "policy?confirm_within=60", acls=[])
        await dying.close()
        assert await asyncio.to_thread(stack.died, "edge-1") == -signal.SIGKILL
        await poll(lambda: not any(agent.netmap["peers"] for agent in fleet.agents), seconds=30, what="on trial")

        await asyncio.to_thread(shorten_trial, stack)
        await poll(lambda: all(agent.netmap["peers"] for agent in fleet.agents), seconds=30, what="back")
        found: dict[str, Any] = (await operator.call("GET", "policy/trial")).json()["trial"]
        assert (found["outcome"], found["ended_by"]) == ("reverted", "system:trial")
        late = datetime.fromisoformat(found["ended_at"]) - datetime.fromisoformat(found["deadline"])
        assert timedelta(0) <= late < timedelta(seconds=2)
        await fleet.settled()


def shorten_trial(stack: ManyProcesses) -> None:
    """Let the time of the policy on trial be over in a second: nobody waits for a minute."""
    address = f"host=127.0.0.1 port={stack.database['port']} user=ghostwire dbname=ghostwire"
    with psycopg.connect(address) as connection:
        soon = "clock_timestamp() + interval '1 second'"
        connection.execute(f"UPDATE acl_policytrial SET deadline = {soon}, due_at = {soon} WHERE ended_at IS NULL")


async def test_200_sockets_dropped_at_once_all_come_back_to_the_truth(
    stack: ManyProcesses, machines: list[LiveMachine], auditor: Auditor, operator: Operator
) -> None:
    others = [LiveMachine(stack.url, f"drop-{number}") for number in range(200 - len(machines))]
    for batch in range(0, len(others), 20):
        answers = await asyncio.gather(*(other.register(operator.auth_key) for other in others[batch : batch + 20]))
        assert {answer.status_code for answer in answers} == {201}
    async with running_fleet([*machines, *others], stack.urls, auditor, HEARTBEAT_SECONDS) as fleet:
        connects = sum(agent.connects for agent in fleet.agents)
        for agent in fleet.agents:
            if agent.socket is not None:
                agent.socket.transport.abort()
        name = await operator.rename(machines[0].node_id)
        await poll(
            lambda: sum(agent.connects for agent in fleet.agents) >= connects + 200,
            seconds=30,
            what=str(fleet.closes()),
        )
        await fleet.settled()
        assert all(name in str(agent.netmap) for agent in fleet.agents)


async def test_a_slow_reader_holds_nobody_up_and_catches_up(
    stack: ManyProcesses, machines: list[LiveMachine], auditor: Auditor, operator: Operator
) -> None:
    async with running_fleet(machines, stack.urls, auditor, HEARTBEAT_SECONDS) as fleet:
        slow, *others = fleet.agents
        slow.reads.clear()
        for _ in range(30):
            name = await operator.rename(machines[1].node_id)
        await poll(lambda: all(name in str(agent.netmap) for agent in others), seconds=30, what="the others")
        assert name not in str(slow.netmap)

        slow.reads.set()
        await fleet.settled()
        assert name in str(slow.netmap)
