"""Many live agents that hold on to a portal through its faults, and whether they were told the truth."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from mesh.netmap.apply import DeltaError
from tests.integration.live import Follower, LiveMachine
from tests.services.many import ManyProcesses
from tests.services.stack import HOME

HEAL_SECONDS = 30.0
"""How long after a fault has healed every map may take to be true again."""


@dataclass
class FleetAgent:
    """One agent: connected, or on its way back, to one server after the other, until ``stop``."""

    machine: LiveMachine
    urls: Sequence[str]
    heartbeat_seconds: float
    netmap: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    closes: Counter[int] = field(default_factory=Counter)
    connects: int = 0
    socket: ClientConnection | None = None
    reads: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared: the agent takes nothing from its socket."""
    stays_away: bool = False
    """Whether it has been told that it is not active any more, after which an agent does not come back."""
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Connect, and go on."""
        self.reads.set()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Hang up."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        turn = 0
        while not self.stays_away:
            self.machine.url = self.urls[turn % len(self.urls)]
            turn += 1
            try:
                async with self.machine.connect(open_timeout=5, close_timeout=1) as socket:
                    await self._follow(socket)
            except ConnectionClosed as closed:
                self._note_close(closed)
            except (OSError, InvalidHandshake, TimeoutError):
                self.closes[0] += 1
            except DeltaError as error:
                # An agent asks for a whole map then, so this heals; but the portal should not have sent it.
                self.faults.append(f"node {self.machine.node_id}: {error}")
                self.netmap = {}
            finally:
                self.socket = None
            await asyncio.sleep(random.uniform(0.1, 0.6))

    async def _follow(self, socket: ClientConnection) -> None:
        follower = Follower(socket)
        follower.netmap = self.netmap
        known = f"{self.netmap['epoch']}.{self.netmap['version']}" if self.netmap else None
        beats = asyncio.create_task(self._beat(socket))
        try:
            await follower.greet(known)
            self._take(follower.netmap)
            self.connects += 1
            self.socket = socket
            while True:
                await self.reads.wait()
                await follower.next()
                self._take(follower.netmap)
        finally:
            beats.cancel()

    async def _beat(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(self.heartbeat_seconds)
                await socket.send('{"type":"heartbeat"}')

    def _take(self, netmap: dict[str, Any]) -> None:
        before = self.netmap
        if before and (netmap["epoch"], netmap["version"]) < (before["epoch"], before["version"]):
            self.faults.append(f"node {self.machine.node_id}: version {before['version']} -> {netmap['version']}")
        self.netmap = netmap

    def _note_close(self, closed: ConnectionClosed) -> None:
        code = closed.rcvd.code if closed.rcvd is not None else 1006
        self.closes[code] += 1
        self.stays_away = code == 4403


class Auditor:
    """Asks the process that makes maps from the database alone."""

    def __init__(self, portal: ManyProcesses) -> None:
        command = [sys.executable, "-m", "tests.integration.auditor"]
        self._process = subprocess.Popen(
            command, cwd=HOME, env=portal.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr
        )

    def audit(self, network_id: int = 1) -> dict[str, Any]:
        """What is true of the network now."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{network_id}\n".encode())
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def end(self) -> None:
        """End the process."""
        self._process.communicate(timeout=20)


@dataclass
class Fleet:
    """Agents of one portal."""

    agents: list[FleetAgent]
    auditor: Auditor

    async def connected(self, *, seconds: float = HEAL_SECONDS) -> None:
        """Wait until all are connected and have a map."""
        await poll(lambda: all(agent.socket for agent in self.agents), seconds=seconds, what=self.state)

    async def settled(self, *, seconds: float = HEAL_SECONDS) -> dict[str, Any]:
        """Wait until every agent's map is what follows from the database, and nothing went wrong on the way.

        Returns what the auditor said.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            truth = await asyncio.to_thread(self.auditor.audit)
            wrong = [agent for agent in self.agents if not agent.stays_away and differs(agent, truth)]
            if not wrong:
                break
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"{self.state()}\n" + "\n".join(explain(agent, truth) for agent in wrong[:3]))
            await asyncio.sleep(0.3)
        faults = [fault for agent in self.agents for fault in agent.faults]
        assert not faults, faults
        addresses = Counter(truth["addresses"])
        assert not [address for address, times in addresses.items() if times > 1]
        return truth

    def closes(self) -> Counter[int]:
        """How connections ended: close codes, 1006 for an end without one, 0 for one that never was."""
        return sum((agent.closes for agent in self.agents), Counter())

    def state(self) -> str:
        up = sum(agent.socket is not None for agent in self.agents)
        return f"{up} of {len(self.agents)} connected, closed by {dict(self.closes())}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(agent.stop() for agent in self.agents))
        await asyncio.gather(*(agent.machine.http.aclose() for agent in self.agents))


def differs(agent: FleetAgent, truth: dict[str, Any]) -> bool:
    """Whether an agent's map is not the true one, apart from a version that it could not see."""
    true = truth["maps"].get(str(agent.machine.node_id))
    return true is None or not agent.netmap or normal(agent.netmap) != normal(true)


def normal(netmap: dict[str, Any]) -> dict[str, Any]:
    """The order of peers means nothing, and versions that a node cannot see are passed over."""
    return netmap | {"peers": sorted(netmap["peers"], key=lambda peer: peer["id"]), "version": 0}


def explain(agent: FleetAgent, truth: dict[str, Any]) -> str:
    """Where an agent's map differs."""
    node = agent.machine.node_id
    true = truth["maps"].get(str(node))
    if true is None or not agent.netmap:
        return f"node {node}: {'has no map' if agent.netmap is None else 'takes no part'}"
    have, want = normal(agent.netmap), normal(true)
    members = [name for name in want if have.get(name) != want[name]]
    peers = {peer["id"]: peer for peer in have["peers"]}
    lines = [f"{peers.get(peer['id'])} is not {peer}" for peer in want["peers"] if peers.get(peer["id"]) != peer]
    versions = f"{agent.netmap['version']} of {true['version']}"
    return f"node {node} at {versions}, connected: {agent.socket is not None}: {members} {lines[:2]}"


async def poll(true: Callable[[], bool], *, seconds: float, what: Callable[[], str] | str) -> None:
    """Wait until ``true()``; fails, saying ``what``, when it is not so in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not true():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(what if isinstance(what, str) else what())
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running_fleet(
    machines: Sequence[LiveMachine], urls: Sequence[str], auditor: Auditor, heartbeat_seconds: float
) -> AsyncIterator[Fleet]:
    """Connect machines, each to another server first, wait until all have a true map, and hang up at the end."""
    agents = [
        FleetAgent(machine, [*urls[number % len(urls) :], *urls[: number % len(urls)]], heartbeat_seconds)
        for number, machine in enumerate(machines)
    ]
    async with Fleet(agents, auditor) as fleet:
        for agent in agents:
            agent.start()
        await fleet.connected()
        await fleet.settled()
        yield fleet
