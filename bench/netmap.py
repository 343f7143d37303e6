"""Maps and deltas at 50,000 nodes: how long bytes take that are ready to send, and how many there are."""

from __future__ import annotations

import base64
import random
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
import orjson
from pyroaring import BitMap

from bench.policy_network import AT, build_network, build_policy
from mesh.change import ChangeKind
from mesh.compile.table import Table
from mesh.netmap.chunks import pack
from mesh.netmap.fan import fan_out
from mesh.netmap.maps import map_json, map_pieces, map_zstd
from mesh.netmap.state import State, build_state, move_state
from mesh.policy import Policy, renumber
from mesh.steps import Step
from mesh.topology import NetworkRecord, NodeRecord, RouteRecord, Topology, UserRecord


def build_bench_state(nodes: int, policy: Policy) -> State:
    """The network of the policy bench, with keys and endpoints."""
    chance = random.Random(7)
    facts = build_network(nodes)
    records: dict[int, NodeRecord] = {}
    primaries: set[str] = set()
    for node in facts.nodes:
        routes = []
        for route in map(str, node.routes):
            routes.append(RouteRecord(route, True, True, route not in primaries))
            primaries.add(route)
        records[node.id] = NodeRecord(
            id=node.id,
            name=node.name,
            key=base64.b64encode(chance.randbytes(32)).decode(),
            state="active",
            user=node.user,
            tags=tuple(sorted(node.tags)),
            addresses=tuple(map(str, node.addresses)),
            endpoints=(f"203.0.{chance.randrange(256)}.{chance.randrange(256)}:{chance.randrange(1024, 65536)}",),
            routes=tuple(routes),
            online=True,
            home_region=3,
            key_expires_at=None if node.user is None else datetime(2027, 1, 1, tzinfo=UTC),
            os=node.os,
            agent_version=node.agent_version,
        )
    network = NetworkRecord(
        id=1,
        name="bench",
        domain="bench.ghost",
        ipv4_range=str(facts.ipv4_range),
        ipv6_range=str(facts.ipv6_range),
        epoch=1,
        version=1,
        heartbeat_seconds=30,
        grace_seconds=60,
        lease_seconds=43200,
        max_peers=100_000,
    )
    users = {user.id: UserRecord(user.id, user.login, user.login.split("@")[0]) for user in facts.users}
    return build_state(Topology(network, Table(records), Table(users), Table({})), policy, AT)


def milliseconds(work: Callable[[], Any], rounds: int = 30) -> tuple[float, float, Any]:
    """Median and worst of ``rounds``, and the last result."""
    times, result = [], None
    for _ in range(rounds):
        started = time.perf_counter()
        result = work()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times), max(times), result


def viewer_with(state: State, peers: int) -> int:
    """The node whose number of peers comes closest."""
    chance = random.Random(3)
    sample = chance.sample(sorted(state.topology.nodes.get(i).id for i in range(1, 50_001)), 3000)  # type: ignore[union-attr]
    return min(sample, key=lambda node_id: abs(len(state.policy.peer_ids(node_id)) - peers))


def run(nodes: int = 50_000) -> list[tuple[str, str, str, bool]]:
    """Rows of (what, figure, budget, met)."""
    rows: list[tuple[str, str, str, bool]] = []
    state = build_bench_state(nodes, build_policy(200))
    for peers, plain_budget, zstd_budget in ((1000, 0.25, 1.0), (10_000, 2.0, 5.0)):
        viewer = viewer_with(state, peers)
        count = len(state.policy.peer_ids(viewer))
        map_json(map_pieces(state, viewer))
        plain, _, body = milliseconds(partial(_plain, state, viewer))
        map_zstd(map_pieces(state, viewer))
        packed, _, frames = milliseconds(partial(_zstd, state, viewer))
        rows.append(
            (f"map of {count} peers, {len(body):,} B", f"{plain:.2f} ms", f"{plain_budget} ms", plain < plain_budget)
        )
        rows.append(
            (f"the same as zstd, {len(frames):,} B", f"{packed:.2f} ms", f"{zstd_budget} ms", packed < zstd_budget)
        )
    local = BitMap(random.Random(5).sample(range(1, nodes + 1), 5000))
    rows += _changes(state, local)
    return rows


def _plain(state: State, viewer: int) -> bytes:
    return map_json(map_pieces(state, viewer))


def _zstd(state: State, viewer: int) -> bytes:
    return map_zstd(map_pieces(state, viewer))


def _step(state: State, kind: ChangeKind, facts: dict[str, Any]) -> Step:
    return Step(state.version + 1, kind, orjson.loads(orjson.dumps(facts)))


def _changes(state: State, local: BitMap) -> list[tuple[str, str, str, bool]]:
    rows = []
    chance = random.Random(9)
    policy = state.policy.policy
    current = state

    def one(kind: ChangeKind, facts: dict[str, Any], chosen: Policy = policy) -> Any:
        nonlocal current
        before = current
        current, touch = move_state(before, _step(before, kind, facts), read_policy=lambda _: chosen)
        return fan_out(before, current, touch, local)

    def endpoint() -> Any:
        node_id = chance.randrange(1, 50_001)
        return one(ChangeKind.ENDPOINTS, {"endpoints": {str(node_id): [f"198.51.100.1:{chance.randrange(1, 65536)}"]}})

    def class_move() -> Any:
        record = current.topology.nodes.get(chance.randrange(1, 50_001))
        assert record is not None
        moved = msgspec.structs.replace(record, user=None, tags=(f"tag:t{chance.randrange(60)}",), routes=())
        return one(ChangeKind.NODES, {"nodes": [msgspec.to_builtins(moved)], "removed": []})

    def rule_edit() -> Any:
        rules = list(current.policy.policy.ordered())
        at = chance.randrange(1, len(rules))
        rules[at] = (
            msgspec.structs.replace(rules[at])
            if False
            else rules[at].__class__(
                **{name: getattr(rules[at], name) for name in rules[at].__slots__} | {"enabled": not rules[at].enabled}
            )
        )
        chosen = Policy(rules=renumber(rules), groups=policy.groups, hosts=policy.hosts)
        return one(ChangeKind.POLICY, {"at": AT.isoformat(), "rules": []}, chosen)

    def lost() -> Any:
        gone = chance.sample(range(1, 50_001), 2000)
        return one(
            ChangeKind.PRESENCE,
            {"online": [], "offline": [{"id": node_id, "at": AT.isoformat()} for node_id in gone]},
        )

    for what, work, budget, worst_budget, rounds in (
        ("endpoint change, state and bodies", endpoint, 0.2, None, 200),
        ("class move, state and bodies", class_move, 0.5, None, 200),
        ("rule edit, state and bodies", rule_edit, 5.0, 150.0, 40),
        ("2,000 nodes lost, state and bodies", lost, 50.0, None, 5),
    ):
        median, worst, fan = milliseconds(work, rounds)
        met = median < budget and (worst_budget is None or worst < worst_budget)
        limit = f"{budget} ms" + (f", never over {worst_budget:g}" if worst_budget else "")
        size = sum(len(pack(body)) * len(list(ids)) for body, ids in fan.bodies)
        rows.append(
            (
                f"{what} ({len(fan.bodies)} bodies, {size:,} B zstd in all)",
                f"{median:.2f} ms, worst {worst:.1f}",
                limit,
                met,
            )
        )
    return rows


def main() -> None:
    """Print the table."""
    for what, figure, budget, met in run():
        print(f"{'ok  ' if met else 'OVER'} {what:80} {figure:>24}   budget {budget}")


if __name__ == "__main__":
    main()
