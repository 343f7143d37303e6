"""Maps and deltas at 50,000 nodes: how long bytes take that are ready to send, and how many there are.

Times are those of the thread on the processor, with what other programs do on the machine left out; each figure is a
median, with the worst beside it. The collector is off, as it is in a worker between its own sweeps.
"""

from __future__ import annotations

import base64
import dataclasses
import gc
import random
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
import orjson
from pyroaring import BitMap

from bench.netmap_state import build_bench_state
from bench.policy_network import AT, build_network, build_policy
from mesh.change import ChangeKind
from mesh.netmap.chunks import pack
from mesh.netmap.fan import Fan, fan_out
from mesh.netmap.maps import map_json, map_pieces, map_zstd
from mesh.netmap.state import State, move_state
from mesh.policy import Action, Group, Policy, Rule, renumber
from mesh.policy import selectors as s
from mesh.steps import Step, Touch

Row = tuple[str, str, str, bool]
_Change = tuple[Step, Policy]


def milliseconds(
    work: Callable[..., Any], rounds: int = 30, prepare: Callable[[], tuple[Any, ...]] = tuple
) -> tuple[float, float, Any]:
    """Median and worst of ``rounds``, and the last result. What ``prepare`` does for each is not counted."""
    times, result = [], None
    for _ in range(rounds):
        arguments = prepare()
        started = time.thread_time_ns()
        result = work(*arguments)
        times.append((time.thread_time_ns() - started) / 1e6)
    return statistics.median(times), max(times), result


def viewer_with(state: State, peers: int) -> int:
    """The node whose number of peers comes closest."""
    sample = random.Random(3).sample(range(1, len(state.topology.nodes) + 1), 3000)
    return min(sample, key=lambda node_id: abs(len(state.policy.peer_ids(node_id)) - peers))


def run(nodes: int = 50_000) -> list[Row]:
    """Rows of (what, figure, budget, met)."""
    state = build_bench_state(nodes, build_policy(200))
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        rows = _maps(state)
        rows += _Changes(state, BitMap(random.Random(5).sample(range(1, nodes + 1), 5000))).rows()
        rows.append(_join(nodes))
    finally:
        gc.enable()
        gc.unfreeze()
    return rows


def _maps(state: State) -> list[Row]:
    rows: list[Row] = []
    for peers, plain_budget, zstd_budget in ((1000, 0.25, 1.0), (10_000, 2.0, 5.0)):
        viewer = viewer_with(state, peers)
        count = len(state.policy.peer_ids(viewer))
        _plain(state, viewer)
        plain, _, body = milliseconds(partial(_plain, state, viewer), 200)
        _zstd(state, viewer)
        packed, _, frames = milliseconds(partial(_zstd, state, viewer), 100)
        rows += [
            (f"map of {count} peers, {len(body):,} B", f"{plain:.2f} ms", f"{plain_budget} ms",
             plain < plain_budget),
            ("the same as zstd", f"{packed:.2f} ms", f"{zstd_budget} ms", packed < zstd_budget),
        ]  # fmt: skip
        if peers == 1000:
            size = len(frames)
            rows.append((f"map of {count} peers on the wire", f"{size:,} B", "80,000 B", size < 80_000))
    return rows


def _plain(state: State, viewer: int) -> bytes:
    return map_json(map_pieces(state, viewer))


def _zstd(state: State, viewer: int) -> bytes:
    return map_zstd(map_pieces(state, viewer))


def _frame_size(body: bytes, *, epoch: int = 1, start: int, to: int) -> int:
    """The bytes of a delta as the agent socket sends it: its head and its body, each a zstd frame."""
    head = b'{"type":"delta","epoch":%d,"from":%d,"to":%d' % (epoch, start, to)
    return len(pack(head)) + len(pack(b"," + body + b"}"))


class _Changes:
    """Changes one after the other, each told to the agents of one worker."""

    def __init__(self, state: State, local: BitMap) -> None:
        self.chance = random.Random(9)
        self.state = state
        self.local = local
        self.nodes = len(state.topology.nodes)
        self.before = state
        self.touch = Touch()

    def rows(self) -> list[Row]:
        """What each kind of change costs."""
        everything = [
            ("endpoint change", self.endpoint, 200, 0.2, None),
            ("class move", self.class_move, 200, 0.5, None),
            ("rule edit", self.rule_edit, 60, 5.0, 150.0),
            ("new rule", self.new_rule, 20, 5.0, 150.0),
        ]
        rows: list[Row] = []
        for node_id in self.local:  # agents that are connected have had a map, with its filter
            self.state.policy.filter_of(node_id)
        for what, change, rounds, budget, worst_budget in everything:
            self._one(*change())
            median, worst, fan = milliseconds(self._one, rounds, change)
            met = median < budget and (worst_budget is None or worst < worst_budget)
            limit = f"{budget} ms" + (f", never over {worst_budget:g}" if worst_budget else "")
            rows.append((f"{what}, state and {_described(fan)}", f"{median:.2f} ms, worst {worst:.1f}", limit, met))
            if what == "endpoint change":
                sizes = [_frame_size(body, start=self.before.version, to=self.state.version) for body, _ in fan.bodies]
                rows.append(("delta of one endpoint on the wire", f"{max(sizes)} B", "200 B", max(sizes) < 200))
        return rows + self._losses()

    def _losses(self) -> list[Row]:
        moving, telling, fan = [], [], Fan()
        for _ in range(5):
            moved, _, _ = milliseconds(self._move, 1, self.lost)
            told, _, fan = milliseconds(self.tell, 1)
            moving.append(moved)
            telling.append(told)
        median, worst = statistics.median(telling), max(telling)
        size = sum(len(pack(body)) * len(list(ids)) for body, ids in fan.bodies)
        return [
            (f"2,000 nodes lost, {_described(fan)}", f"{median:.2f} ms, worst {worst:.1f}", "50 ms", median < 50),
            ("the same on the wire, all sockets", f"{size / 1e6:.2f} MB", "8 MB", size < 8e6),
            ("the same, state", f"{statistics.median(moving):.2f} ms", "none", True),
        ]

    def endpoint(self) -> _Change:
        """A node is somewhere else."""
        public = ".".join(str(self.chance.randrange(1, 224)) for _ in range(4))
        endpoints = ["192.168.1.7:51820", f"{public}:{self.chance.randrange(1, 65536)}"]
        return self._change(ChangeKind.ENDPOINTS, {"endpoints": {str(self._some_node()): endpoints}})

    def class_move(self) -> _Change:
        """A node gets another tag."""
        record = self.state.topology.nodes.get(self._some_node())
        assert record is not None
        tags = (f"tag:t{self.chance.randrange(60)}",)
        moved = msgspec.structs.replace(record, user=None, tags=tags, routes=())
        return self._change(ChangeKind.NODES, {"nodes": [msgspec.to_builtins(moved)], "removed": []})

    def rule_edit(self) -> _Change:
        """A rule is switched off, or on again."""
        rules = list(self.state.policy.policy.ordered())
        at = self.chance.randrange(1, len(rules))
        rules[at] = dataclasses.replace(rules[at], enabled=not rules[at].enabled)
        return self._activation(rules)

    def new_rule(self) -> _Change:
        """A rule says something that none said before."""
        rules = list(self.state.policy.policy.ordered())
        sources = (s.user(self.chance.randrange(1, 10_001)),)
        rule = Rule(len(rules) + 1, len(rules) + 1, Action.ACCEPT, sources, (s.node(self._some_node()),))
        return self._activation([*rules, rule])

    def lost(self) -> _Change:
        """A site loses its uplink: a sweep finds who was last heard within the seconds since the one before."""
        gone = self.chance.sample(range(1, self.nodes + 1), 2000)
        offline = [
            {"id": node_id, "at": (AT + timedelta(seconds=self.chance.randrange(5))).isoformat()} for node_id in gone
        ]
        return self._change(ChangeKind.PRESENCE, {"online": [], "offline": offline})

    def tell(self) -> Fan:
        """The bodies of the last change."""
        return fan_out(self.before, self.state, self.touch, self.local)

    def _some_node(self) -> int:
        return self.chance.randrange(1, self.nodes + 1)

    def _activation(self, rules: list[Rule]) -> _Change:
        policy = dataclasses.replace(self.state.policy.policy, rules=renumber(rules))
        return self._change(ChangeKind.POLICY, {"at": AT.isoformat(), "rules": []}, policy)

    def _change(self, kind: ChangeKind, facts: dict[str, Any], policy: Policy | None = None) -> _Change:
        chosen = self.state.policy.policy if policy is None else policy
        return Step(self.state.version + 1, kind, orjson.loads(orjson.dumps(facts))), chosen

    def _one(self, step: Step, policy: Policy) -> Fan:
        self._move(step, policy)
        return self.tell()

    def _move(self, step: Step, policy: Policy) -> None:
        self.before = self.state
        self.state, self.touch = move_state(self.before, step, read_policy=lambda _: policy)


def _described(fan: Fan) -> str:
    return f"{len(fan.bodies)} bodies, {sum(len(body) for body, _ in fan.bodies):,} B"


def _join(nodes: int) -> Row:
    """Somebody's new device joins the 5,000 devices of a group; each server that the group may reach is told."""
    devices: dict[int, list[int]] = {}
    for node in build_network(nodes).nodes:
        if node.user is not None:
            devices.setdefault(node.user, []).append(node.id)
    staff: list[int] = []
    owned: list[int] = []
    for user, its in devices.items():
        if len(owned) < 5000:
            staff.append(user)
            owned += its
    rule = Rule(1, 1, Action.ACCEPT, (s.group("staff"),), (s.tag("tag:t1"),))
    state = build_bench_state(nodes, Policy((rule,), (Group("staff", frozenset(staff)),)))
    sample = state.topology.nodes.get(owned[0])
    assert sample is not None
    key = base64.b64encode(random.Random(1).randbytes(32)).decode()
    newcomer = msgspec.structs.replace(sample, id=nodes + 1, key=key, name="anas-phone", addresses=("10.15.255.1",))
    facts = {"nodes": [msgspec.to_builtins(newcomer)], "removed": []}
    step = Step(state.version + 1, ChangeKind.NODES, orjson.loads(orjson.dumps(facts)))
    after, touch = move_state(state, step, read_policy=lambda _: state.policy.policy)
    servers = after.policy.peer_ids(newcomer.id)
    fan = fan_out(state, after, touch, servers)
    told = {node_id: body for body, node_ids in fan.bodies for node_id in node_ids}
    assert told.keys() == set(servers)
    size = max(_frame_size(body, start=state.version, to=after.version) for body in told.values())
    group = len(after.policy.peer_ids(servers[0]))
    what = f"a node joins a group of {group:,}, each of {len(told)} servers gets"
    return what, f"{size} B on the wire, {max(map(len, told.values()))} B plain", "1,000 B", size < 1000


def main() -> None:
    """Print the table."""
    for what, figure, budget, met in run():
        print(f"{'ok  ' if met else 'OVER'} {what:80} {figure:>32}   budget {budget}")


if __name__ == "__main__":
    main()
