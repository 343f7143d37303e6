"""The graph of the network as it is: groups, who sees whom between them, and how each node does.

All answers come from the compiled policy of this process's replica, the same that maps and filters are made of. What is
worked out of one is kept until another is asked for: presence changes none.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from coordinator.finding.status import late_ids
from coordinator.replica import current_state
from mesh.compile.world import Principal
from mesh.errors import NotFoundError
from mesh.explain.graph import LIMIT, REST, TAGGED, Graph, GraphBy, Grapher, GraphGroup, GroupKey
from mesh.netmap.state import State
from mesh.topology import NodeRecord, Topology

STATUSES: Final = ("online", "late", "offline", "waiting")
"""Of nodes that take part; others stand in no graph."""


@dataclass(frozen=True, slots=True)
class LiveGraph:
    """A graph, and the state of the network that it is of. ``late`` are nodes whose last heartbeats are missing."""

    state: State
    grapher: Grapher
    graph: Graph
    late: frozenset[int]

    @property
    def nodes(self) -> int:
        """How many nodes take part."""
        return sum(len(group.ids) for group in self.graph.groups)

    def group(self, key: str) -> GraphGroup:
        """The group with this written key. Raises NotFoundError."""
        for group in self.graph.groups:
            if written_key(group.key) == key:
                return group
        raise NotFoundError("There is no such group now.")

    def name(self, group: GraphGroup) -> str:
        """What people call a group."""
        return group_name(group.key, self.state.topology, self.graph.folded)

    def about(self, group: GraphGroup) -> str:
        """To whom the nodes of a class, or of the rest, belong: the first of them by name."""
        return principals_words(group.principals, self.state.topology)

    def status(self, node_id: int) -> str:
        """How a node does, of ``STATUSES``."""
        record = self.state.topology.nodes.get(node_id)
        return "waiting" if record is None else status_in(record, self.late)

    def statuses(self) -> list[dict[str, int]]:
        """For each group how many of its nodes are in which state."""
        records = self.state.topology.nodes
        by_status: dict[str, list[int]] = {status: [] for status in STATUSES}
        for group in self.graph.groups:
            for ident in group.ids:
                record = records.get(ident)
                by_status["waiting" if record is None else status_in(record, self.late)].append(ident)
        id_set = self.state.policy.world.id_set
        sets = {status: id_set(ids) for status, ids in by_status.items()}
        return [
            {status: count for status, ids in sets.items() if (count := len(group.ids & ids))}
            for group in self.graph.groups
        ]

    def members(self, ids: Iterable[int], limit: int) -> list[NodeRecord]:
        """The first ``limit`` of these nodes by name."""
        records = (self.state.topology.nodes.get(ident) for ident in ids)
        return sorted((record for record in records if record is not None), key=lambda record: record.name)[:limit]


@dataclass(slots=True)
class _Kept:
    """What was worked out of one compiled policy."""

    grapher: Grapher
    graphs: dict[tuple[GraphBy, int], Graph] = field(default_factory=dict)


_KEPT: Final[dict[int, _Kept]] = {}
_LOCK: Final = threading.Lock()


def live_grapher(network_id: int) -> tuple[State, Grapher]:
    """The present state of a network and what answers questions about its policy. Raises NotFoundError."""
    state = current_state(network_id)
    return state, _kept(network_id, state).grapher


def live_graph(*, network_id: int, by: GraphBy, now: datetime, limit: int = LIMIT) -> LiveGraph:
    """The graph of a network at this moment, in at most ``limit`` groups and one for the rest. Raises NotFoundError.

    Takes half a second at 50,000 nodes and 200 rules after a change of nodes or policy, then milliseconds.
    """
    state = current_state(network_id)
    kept = _kept(network_id, state)
    graph = kept.graphs.get((by, limit))
    if graph is None:
        graph = kept.graphs[by, limit] = kept.grapher.graph(by, limit)
    return LiveGraph(state, kept.grapher, graph, frozenset(late_ids(now)))


def _kept(network_id: int, state: State) -> _Kept:
    with _LOCK:
        kept = _KEPT.get(network_id)
    if kept is None or kept.grapher.compiled is not state.policy:
        kept = _Kept(Grapher(state.policy))
        with _LOCK:
            _KEPT[network_id] = kept
    return kept


def status_in(record: NodeRecord, late: Collection[int]) -> str:
    """How a node that takes part does."""
    if record.online:
        return "late" if record.id in late else "online"
    return "waiting" if record.last_seen is None else "offline"


def written_key(key: GroupKey) -> str:
    """A group as addresses name it: ``tag:db tag:eu``, ``user:7``, ``nobody``, ``tagged``, ``rest``, ``class:12``."""
    if isinstance(key, frozenset):
        return " ".join(sorted(key))
    if isinstance(key, tuple):
        return f"class:{key[0]}"
    if isinstance(key, int):
        return f"user:{key}"
    return "nobody" if key is None else key


def group_name(key: GroupKey, topology: Topology, folded: int = 0) -> str:
    """What people call a group."""
    if key == REST:
        return f"{folded} more"
    if key == TAGGED:
        return "tagged machines"
    if isinstance(key, tuple):
        return f"class {key[0]}" if key[0] >= 0 else "no address"
    return principal_name(key, topology)  # type: ignore[arg-type]  # the strings are dealt with


def principal_name(principal: Principal, topology: Topology) -> str:
    """What people call those to whom nodes belong."""
    if isinstance(principal, frozenset):
        return " ".join(sorted(principal))
    if principal is None:
        return "nobody's"
    user = topology.users.get(principal)
    return f"user {principal}" if user is None else user.login


def principals_words(principals: Collection[Principal], topology: Topology, shown: int = 2) -> str:
    """The first of them, and how many more there are."""
    names = [principal_name(principal, topology) for principal, _ in zip(principals, range(shown), strict=False)]
    more = len(principals) - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")
