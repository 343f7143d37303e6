"""Losses: what nodes have before an act and have not after it. Pure: of one state of a network."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from mesh.compile import CompiledPolicy, IdSet, moved
from mesh.netmap.state import State
from mesh.policy import FactsChange, PolicyNode, Prefix, is_default_route


@dataclass(frozen=True, slots=True)
class LostNetwork:
    """A prefix that no router serves after the act. ``nodes``: how many of those that stay can reach it before;
    ``host`` is the policy's name for it, if it has one; ``together``: other routers of it that go by the same act."""

    prefix: str
    nodes: int
    host: str = ""
    together: tuple[str, ...] = ()

    @property
    def is_internet(self) -> bool:
        """Whether what is lost is the way to the internet, in one address family."""
        return self.prefix in ("0.0.0.0/0", "::/0")


@dataclass(frozen=True, slots=True)
class MovedNetwork:
    """A prefix that goes through another router after the act, which may be ``silent`` (offline) at present."""

    prefix: str
    router_id: int
    router: str
    silent: bool


@dataclass(frozen=True, slots=True)
class Loss:
    """What one node loses: ``peers`` of those it has, and what others lose with it. ``gained`` are peers it comes to
    see. ``leaves``: it takes no part in the mesh after; ``takes_part``: it does now. ``session``: one ends."""

    node_id: int
    name: str
    takes_part: bool
    leaves: bool
    session: bool
    peers: int
    gained: int = 0
    networks: tuple[LostNetwork, ...] = ()
    moved: tuple[MovedNetwork, ...] = ()

    @property
    def is_worst(self) -> bool:
        """Whether others than the node itself and its peers are cut off: a network behind it."""
        return bool(self.networks) or any(item.silent for item in self.moved)

    @property
    def weight(self) -> tuple[int, int, int, int]:
        """The heavier the worse: nodes that lose a network, networks lost or left to a silent router, peers."""
        silent = sum(item.silent for item in self.moved)
        return sum(item.nodes for item in self.networks), len(self.networks), silent, self.peers


@dataclass(frozen=True, slots=True)
class Consequences:
    """Of all nodes of an act, the worst first. ``pairs``: how many pairs of nodes cease to see each other; ``others``:
    how many nodes beside these lose a peer. ``version`` is the map version that it was worked out for."""

    losses: tuple[Loss, ...]
    pairs: int
    others: int
    version: int

    @property
    def networks(self) -> tuple[LostNetwork, ...]:
        """Every network that loses its last router."""
        return tuple(item for loss in self.losses for item in loss.networks)

    @property
    def sessions(self) -> int:
        """How many sessions end."""
        return sum(loss.session for loss in self.losses)


def losses_of(state: State, *, leaving: Collection[int] = (), changed: Iterable[PolicyNode] = ()) -> Consequences:
    """What is lost when nodes leave the mesh, or look different to the policy. Ids without a node are passed over."""
    nodes = {node.id: node for node in changed if state.policy.node(node.id) is not None}
    work = _Work(state, frozenset(leaving), nodes)
    losses = [loss for node_id in (*dict.fromkeys(leaving), *nodes) if (loss := work.loss(node_id)) is not None]
    losses.sort(key=lambda loss: ([-number for number in loss.weight], loss.name))
    return Consequences(tuple(losses), work.pairs, len(work.others - work.id_set([*leaving, *nodes])), state.version)


class _Work:
    """One act. ``pairs`` and ``others`` (an id set) add up while each of its nodes is asked for."""

    def __init__(self, state: State, leaving: frozenset[int], changed: Mapping[int, PolicyNode]) -> None:
        self._state = state
        self._leaving = leaving
        self._changed = changed
        self._before = state.policy
        # To be gone needs no second policy: whoever leaves sees nobody.
        change = FactsChange(tuple(changed.values()), leaving)
        self._after = moved(state.policy, change) if changed else None
        self.id_set: type[IdSet] = state.policy.world.id_set
        self._acted = self.id_set([*leaving, *changed])
        self._gone: IdSet = self.id_set(leaving)
        self._inner = 0
        self._outer = 0
        self.others: IdSet = self.id_set()
        self._hosts = {str(item.prefix): item.name for item in state.policy.policy.hosts}
        self._by_prefix = _routers(state.policy, leaving, changed)

    @property
    def pairs(self) -> int:
        """Pairs lost so far, those between two nodes of the act once."""
        return self._outer + self._inner // 2

    def loss(self, node_id: int) -> Loss | None:
        """What a node loses; None if there is none of this id."""
        record = self._state.topology.nodes.get(node_id)
        if record is None:
            return None
        takes_part = self._before.node(node_id) is not None
        leaves = node_id in self._leaving
        lost: IdSet = self._before.peer_ids(node_id)
        gained = 0
        if not leaves:
            assert self._after is not None
            now = self._after.peer_ids(node_id)
            gained = len(now - lost)
            lost -= now
        inner = len(lost & self._acted)
        self._inner += inner
        self._outer += len(lost) - inner
        self.others |= lost
        networks, goes = self._networks(node_id)
        session = leaves and self._state.topology.sessions.get(node_id) is not None
        return Loss(node_id, record.name, takes_part, leaves, session, len(lost), gained, networks, goes)

    def _networks(self, node_id: int) -> tuple[tuple[LostNetwork, ...], tuple[MovedNetwork, ...]]:
        """The networks that are put down to this node: those it routes at present."""
        record = self._state.topology.nodes.get(node_id)
        node = self._before.node(node_id)
        if record is None or node is None or not node.routes:
            return (), ()
        kept = self._changed[node_id].routes if node_id in self._changed else ()
        primary = {route.prefix for route in record.routes if route.primary}
        lost: list[LostNetwork] = []
        goes: list[MovedNetwork] = []
        for prefix in sorted(set(node.routes) - set(kept), key=lambda item: (item.version, item)):
            text = str(prefix)
            served_by, left = self._by_prefix[prefix]
            if left:
                if text in primary and not is_default_route(prefix):
                    goes.append(self._heir(text, left))
            elif node_id == self._first_of(text, served_by):
                together = tuple(sorted(self._name(other) for other in served_by if other != node_id))
                reached = len(reached_by(self._before, prefix, served_by) - self._gone)
                lost.append(LostNetwork(text, reached, self._hosts.get(text, ""), together))
        return tuple(lost), tuple(goes)

    def _first_of(self, prefix: str, routers: Collection[int]) -> int:
        """To which of the routers that go a network is put down: its primary, or that with the lowest id."""
        records = [record for ident in sorted(routers) if (record := self._state.topology.nodes.get(ident)) is not None]
        return min(
            records, key=lambda record: not any(route.primary and route.prefix == prefix for route in record.routes)
        ).id

    def _heir(self, prefix: str, routers: Collection[int]) -> MovedNetwork:
        """Who gets a prefix: the router that an election would choose, one that is online before one that is silent."""
        records = [record for ident in sorted(routers) if (record := self._state.topology.nodes.get(ident)) is not None]
        heir = min(records, key=lambda record: (not record.online, record.id))
        return MovedNetwork(prefix, heir.id, heir.name, not heir.online)

    def _name(self, node_id: int) -> str:
        record = self._state.topology.nodes.get(node_id)
        return f"node {node_id}" if record is None else record.name


def reached_by(policy: CompiledPolicy, prefix: Prefix, routers: Collection[int]) -> IdSet:
    """The nodes with an accepted flow to a prefix behind ``routers``, without these."""
    classes = 0
    for router in routers:
        shape = policy.shape(router)
        numbers = shape.exits if is_default_route(prefix) else dict(shape.routes).get(prefix, ())
        for number in numbers:
            classes |= policy.reach.into[number]
    # What stands behind other routers is a source as well, and no node.
    return policy.nodes_in(classes & policy.classes.own) - policy.world.id_set(routers)


def _routers(
    policy: CompiledPolicy, leaving: Collection[int], changed: Mapping[int, PolicyNode]
) -> dict[Prefix, tuple[set[int], set[int]]]:
    """For each approved prefix the routers before the act and after it."""
    found: dict[Prefix, tuple[set[int], set[int]]] = {}
    for ident in policy.world.routers:
        node = policy.node(ident)
        if node is None:
            continue
        stays = () if ident in leaving else changed[ident].routes if ident in changed else node.routes
        for prefix in node.routes:
            before, after = found.setdefault(prefix, (set(), set()))
            before.add(ident)
            if prefix in stays:
                after.add(ident)
    return found


__all__ = ["Consequences", "Loss", "LostNetwork", "MovedNetwork", "losses_of", "reached_by"]
