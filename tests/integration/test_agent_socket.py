"""The agent socket of real portals: in one process on SQLite, and of many processes behind uvicorn and daphne."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from mesh.netmap.apply import apply_delta
from tests.integration.live import SUBPROTOCOL, SUBPROTOCOL_ZSTD, Follower, LiveMachine, close_code, until
from tests.services.many import ManyProcesses
from tests.services.stack import PortalProcess

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(
    scope="module",
    params=[
        "one process",
        "edge-0",
        "portal",
    ],
)
def portal(request: pytest.FixtureRequest) -> PortalProcess:
    """A portal, seen through one of its servers."""
    if request.param == "one process":
        alone: PortalProcess = request.getfixturevalue("one_process")
        return alone
    many: ManyProcesses = request.getfixturevalue("many_processes")
    return many.at(request.param)


@pytest.fixture(scope="module")
def auth_key(portal: PortalProcess) -> str:
    created = portal.manage_json("authkey", "create", "--user", "admin", "--reusable")
    return str(created["key"])


@pytest.fixture
async def machine(portal: PortalProcess, auth_key: str) -> AsyncIterator[LiveMachine]:
    async with LiveMachine(portal.url, f"m-{secrets.token_hex(4)}") as made:
        assert (await made.register(auth_key)).status_code == 201
        yield made


@pytest.fixture
async def other(portal: PortalProcess, auth_key: str) -> AsyncIterator[LiveMachine]:
    async with LiveMachine(portal.url, f"o-{secrets.token_hex(4)}") as made:
        yield made


async def test_hello_brings_the_map(machine: LiveMachine) -> None:
    async with machine.connect() as socket:
        netmap = (await machine.greet(socket))["netmap"]
    assert netmap["node"]["id"] == machine.node_id


@pytest.mark.parametrize("subprotocol", [SUBPROTOCOL, SUBPROTOCOL_ZSTD])
async def test_a_newcomer_is_pushed_to_its_peers(
    machine: LiveMachine, other: LiveMachine, auth_key: str, subprotocol: str
) -> None:
    async with machine.connect(subprotocols=[subprotocol]) as socket:
        follower = Follower(socket)
        await follower.greet()
        await other.register(auth_key)
        await follower.until(lambda netmap: other.node_id in {peer["id"] for peer in netmap["peers"]}, seconds=3)
        assert follower.deltas, "told by a delta"
        await told_everything(follower, machine)


async def test_coming_back_brings_what_was_missed(machine: LiveMachine, other: LiveMachine, auth_key: str) -> None:
    async with machine.connect() as socket:
        follower = Follower(socket)
        await follower.greet()
    before = follower.netmap
    await other.register(auth_key)
    async with machine.connect() as socket:
        follower = Follower(socket)
        follower.netmap = before
        answer = await follower.greet(since=f"{before['epoch']}.{before['version']}")
        assert answer["type"] == "delta"
        assert [peer["id"] for peer in answer["peers_added"]] == [other.node_id]
        await told_everything(follower, machine)


@pytest.mark.parametrize("since", ["1.999999", "2.1", "1.0"])
async def test_a_version_that_is_not_known_brings_the_whole_map(machine: LiveMachine, since: str) -> None:
    async with machine.connect() as socket:
        assert (await Follower(socket).greet(since=since))["type"] == "netmap"


async def test_rest_tells_the_same_delta(machine: LiveMachine, other: LiveMachine, auth_key: str) -> None:
    before = (await machine.call("GET", "netmap")).json()
    await other.register(auth_key)
    while True:
        delta = (await machine.call("GET", f"netmap?since={before['epoch']}.{before['version']}")).json()
        whole = (await machine.call("GET", "netmap")).json()
        if whole["version"] == delta["to"]:  # else presence moved on between the two
            break
    assert by_id(apply_delta(before, delta)) == by_id(whole)


async def test_heartbeat_is_answered_as_rest_answers_it(machine: LiveMachine) -> None:
    async with machine.connect() as socket:
        await machine.greet(socket)
        await socket.send('{"type":"heartbeat"}')
        acknowledged = await until(socket, "heartbeat_ack")
    await asyncio.sleep(1.1)  # the limit of one heartbeat a second
    answered = (await machine.call("POST", "heartbeat", json={})).json()
    assert acknowledged.keys() - {"type"} == answered.keys()
    assert acknowledged["session_expires_at"] == answered["session_expires_at"]


async def test_endpoints_reach_the_peers(machine: LiveMachine, other: LiveMachine, auth_key: str) -> None:
    await other.register(auth_key)
    async with machine.connect() as socket, other.connect() as second:
        follower = Follower(socket)
        await follower.greet()
        await other.greet(second)
        # Once it is known as online nothing else of it changes, and its endpoints come alone.
        await follower.until(lambda netmap: (other.node_id, True) in [(p["id"], p["online"]) for p in netmap["peers"]])
        await second.send('{"type":"endpoints","endpoints":["203.0.113.9:51820"]}')
        await follower.until(
            lambda netmap: (
                (other.node_id, ["203.0.113.9:51820"]) in [(p["id"], p["endpoints"]) for p in netmap["peers"]]
            )
        )
        changed = [delta["peers_changed"] for delta in follower.deltas if "peers_changed" in delta][-1]
        assert [(peer["id"], peer["endpoints"]) for peer in changed] == [(other.node_id, ["203.0.113.9:51820"])]
        assert not {"key", "addresses", "name"} & changed[0].keys(), "only what changed"


async def test_a_refused_message_leaves_the_socket_open(machine: LiveMachine) -> None:
    async with machine.connect() as socket:
        await machine.greet(socket)
        await socket.send('{"type":"heartbeat","surprise":1}')
        refused = await until(socket, "error")
        assert refused["code"] == "validation"
        await socket.send('{"type":"heartbeat"}')
        await until(socket, "heartbeat_ack")


@pytest.mark.parametrize("frame", ["nonsense", "[]", '{"type":"unheard-of"}', b"\x00", '{"type":"ack","type":"ack"}'])
async def test_what_no_agent_says_ends_the_socket(machine: LiveMachine, frame: str | bytes) -> None:
    async with machine.connect() as socket:
        await machine.greet(socket)
        await socket.send(frame)
        assert await close_code(socket) == 4400


async def test_the_first_message_is_hello(machine: LiveMachine) -> None:
    async with machine.connect() as socket:
        await socket.send('{"type":"heartbeat"}')
        assert await close_code(socket) == 4400


async def test_a_new_registration_replaces_the_socket(machine: LiveMachine, auth_key: str) -> None:
    async with machine.connect() as socket:
        await machine.greet(socket)
        assert (await machine.register(auth_key)).status_code == 200
        assert await close_code(socket, seconds=3) == 4409


async def test_logging_out_ends_the_socket(machine: LiveMachine) -> None:
    async with machine.connect() as socket:
        await machine.greet(socket)
        assert (await machine.call("DELETE", "session")).status_code == 204
        assert await close_code(socket, seconds=3) == 4401


@pytest.mark.parametrize("verb", ["disable", "expire", "delete"])
async def test_a_node_that_is_cut_off_loses_its_socket(portal: PortalProcess, machine: LiveMachine, verb: str) -> None:
    async with machine.connect() as socket:
        await machine.greet(socket)
        closed = asyncio.create_task(close_code(socket))
        await asyncio.to_thread(portal.manage, "node", verb, str(machine.node_id), "--force")
        async with asyncio.timeout(2.5):
            assert await closed == 4403


async def test_a_renewed_token_leaves_the_open_socket_alone(machine: LiveMachine) -> None:
    async with machine.connect() as socket:
        await machine.greet(socket)
        renewed = (await machine.new_session()).json()["session"]["token"]
        machine.token = renewed
        assert (await machine.call("POST", "heartbeat", json={})).status_code == 200
        await socket.send('{"type":"ack","epoch":1,"version":1}')
        await asyncio.sleep(1.1)
        await socket.send('{"type":"heartbeat"}')
        await until(socket, "heartbeat_ack")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer gws_" + "A" * 43}, 401),
        ({"Authorization": ""}, 401),
        ({"Origin": "https://evil.example"}, 403),
    ],
)
async def test_an_upgrade_is_refused_with_its_status(
    machine: LiveMachine, headers: dict[str, str], status: int
) -> None:
    others = {name: value for name, value in headers.items() if name != "Origin"}
    with pytest.raises(InvalidStatus) as refused:
        async with machine.connect(headers=others, origin=headers.get("Origin")):
            pass
    assert refused.value.response.status_code == status


async def test_full_maps_are_limited(machine: LiveMachine) -> None:
    codes = []
    for _ in range(7):
        async with machine.connect() as socket:
            await socket.send('{"type":"hello","since":null}')
            first = await socket.recv()
            codes.append("throttled" if '"throttled"' in str(first) else "map")
    assert codes[0] == "map"
    assert "throttled" in codes


async def test_presence_reaches_the_peers(machine: LiveMachine, other: LiveMachine, auth_key: str) -> None:
    await other.register(auth_key)
    async with machine.connect() as socket:
        follower = Follower(socket)
        await follower.greet()
        async with other.connect() as second:
            await other.greet(second)
            await follower.until(
                lambda netmap: any(peer["id"] == other.node_id and peer["online"] for peer in netmap["peers"]),
                seconds=3,
            )


async def told_everything(follower: Follower, machine: LiveMachine) -> None:
    """Follows until the map equals the one that REST gives: presence may move on between the two."""
    async with asyncio.timeout(10):
        while by_id(follower.netmap) != by_id((await machine.call("GET", "netmap")).json()):
            await follower.next()


def by_id(netmap: dict[str, Any]) -> dict[str, Any]:
    """The order of peers means nothing, and the version may be ahead of what the node can see."""
    return netmap | {"peers": sorted(netmap["peers"], key=lambda peer: peer["id"]), "version": 0}
