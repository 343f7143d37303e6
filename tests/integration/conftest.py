"""The portals that integration tests talk to: each started once, for all tests of its group."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from demo.lab import Lab, why_unavailable
from demo.story import Story
from tests.integration.fleet import Auditor
from tests.integration.live import LiveMachine
from tests.integration.operator import Operator
from tests.services.many import ManyProcesses, many_process_portal
from tests.services.stack import PortalProcess, one_process_portal

HEARTBEAT_SECONDS = 5
"""Of the many-process portal: short, so that those who are gone are noticed within a test."""


@pytest.fixture(scope="session")
def one_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    """What ``make run`` starts: daphne, tasks and all in one process on SQLite."""
    with one_process_portal(tmp_path_factory.mktemp("one-process")) as running:
        yield running


@pytest.fixture(scope="session")
def many_processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManyProcesses]:
    """Two uvicorn workers, one daphne, Celery worker and beat on PostgreSQL and Redis."""
    variables = {
        "GHOSTWIRE_NETWORK__KEEPALIVE_INTERVAL": f"{HEARTBEAT_SECONDS}s",
        "GHOSTWIRE_NETWORK__GRACE_PERIOD": "5s",
        "GHOSTWIRE_AUTH__MAX_NODES_PER_USER": "5000",
        "GHOSTWIRE_LIMITS__REGISTRATIONS_PER_ADDRESS": "60000/min",
        "GHOSTWIRE_LIMITS__REGISTRATIONS_PER_KEY": "60000/min",
        "GHOSTWIRE_LIMITS__CHALLENGES_PER_ADDRESS": "60000/min",
    }
    try:
        with many_process_portal(tmp_path_factory.mktemp("many-processes"), **variables) as running:
            yield running
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="package")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A portal and three machines that enrolled with the line it printed."""
    lacks = why_unavailable()
    if lacks is not None:
        pytest.skip(f"A lab of network namespaces {lacks}.")
    with Lab() as lab:
        told = Story(lab, tmp_path_factory.mktemp("mesh") / "data", lambda text: None)
        told.start_portal()
        told.enrol("alpha", "beta", "gamma")
        yield told


@pytest.fixture(scope="session")
def reusable_key(many_processes: ManyProcesses) -> str:
    """An auth key of the many-process portal for any number of machines."""
    return str(many_processes.manage_json("authkey", "create", "--user", "admin", "--reusable")["key"])


@pytest.fixture(scope="session")
def auditor(many_processes: ManyProcesses) -> Iterator[Auditor]:
    """The process that makes maps from the many-process portal's database alone."""
    running = Auditor(many_processes)
    yield running
    running.end()


@pytest.fixture(scope="session")
def identities(many_processes: ManyProcesses, reusable_key: str) -> list[LiveMachine]:
    """Machines that are registered with the many-process portal; ``again`` gives them clients of their own."""

    async def register() -> list[LiveMachine]:
        machines = [LiveMachine(many_processes.url, f"f-{secrets.token_hex(4)}") for _ in range(20)]
        for answer in await asyncio.gather(*(machine.register(reusable_key) for machine in machines)):
            assert answer.status_code == 201, answer.text
        await asyncio.gather(*(machine.http.aclose() for machine in machines))
        return machines

    return asyncio.run(register())


@pytest.fixture(scope="session")
def api_token(many_processes: ManyProcesses) -> str:
    """A token of the many-process portal's owner."""
    return str(many_processes.manage_json("apikey", "create", "--user", "admin", "--name", "tests")["token"])


@pytest.fixture
async def operator(many_processes: ManyProcesses, api_token: str, reusable_key: str) -> AsyncIterator[Operator]:
    """An administrator of the many-process portal, at its first server."""
    acting = Operator(many_processes.url, token=api_token, auth_key=reusable_key)
    yield acting
    await acting.close()


@pytest.fixture
def stack(many_processes: ManyProcesses) -> Iterator[ManyProcesses]:
    """The many-process portal, whole again afterwards, whatever a test did to it."""
    yield many_processes
    many_processes.mend()


@pytest.fixture
def machines(identities: list[LiveMachine]) -> list[LiveMachine]:
    """Registered machines with clients for this test."""
    return [machine.again() for machine in identities]
