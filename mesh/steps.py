"""How a topology moves: one recorded change at a time, in the order of versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from mesh.change import ChangeKind
from mesh.topology import NetworkRecord, NodeRecord, Topology, UserRecord


class OutOfStepError(Exception):
    """A change does not follow on the topology, or is of a kind that this program does not know: load it whole."""


class NodePatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of many nodes alike, in the words of ``NodeRecord``: what is not said stays as it is."""

    state: str | msgspec.UnsetType = msgspec.UNSET
    user: int | msgspec.UnsetType | None = msgspec.UNSET
    tags: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    login_required: bool | msgspec.UnsetType = msgspec.UNSET
    online: bool | msgspec.UnsetType = msgspec.UNSET
    key_expires_at: datetime | msgspec.UnsetType | None = msgspec.UNSET
    rotate_requested_at: datetime | msgspec.UnsetType | None = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the change log, as it is stored."""

    version: int
    kind: str
    facts: Mapping[str, Any]


@dataclass(slots=True)
class Touch:
    """What steps concerned: ids of nodes and users, and whether the policy or the network's settings moved."""

    nodes: set[int] = field(default_factory=set)
    users: set[int] = field(default_factory=set)
    policy: bool = False
    network: bool = False

    def add(self, other: Touch) -> None:
        """Includes what ``other`` concerned."""
        self.nodes |= other.nodes
        self.users |= other.users
        self.policy |= other.policy
        self.network |= other.network


def move(topology: Topology, step: Step) -> tuple[Topology, Touch]:
    """The topology after ``step``, and what the step concerned.

    Raises OutOfStepError for a gap, an unknown kind, or facts that cannot be read.
    """
    if step.version != topology.network.version + 1:
        raise OutOfStepError(f"version {step.version} does not follow on {topology.network.version}")
    touch = Touch()
    if not step.facts:
        raise OutOfStepError(f"the facts of version {step.version} ({step.kind}) are not kept any more")
    try:
        moved = _move(topology, ChangeKind(step.kind), step.facts, touch)
    except (ValueError, KeyError, TypeError, msgspec.ValidationError) as error:
        raise OutOfStepError(f"version {step.version} ({step.kind}): {error}") from error
    network = msgspec.structs.replace(moved.network, version=step.version)
    return msgspec.structs.replace(moved, network=network), touch


def _move(  # noqa: PLR0911 - one return a kind reads best
    topology: Topology, kind: ChangeKind, facts: Mapping[str, Any], touch: Touch
) -> Topology:
    match kind:
        case ChangeKind.NODES:
            return _sessions(_nodes(topology, facts, touch), facts, touch)
        case ChangeKind.ENDPOINTS:
            observed = facts.get("observed", {})
            endpoints = {
                int(node_id): {"endpoints": tuple(values), "observed": int(observed.get(node_id, 0))}
                for node_id, values in facts["endpoints"].items()
            }
            return _patch(topology, endpoints, touch)
        case ChangeKind.PRESENCE:
            return _patch(topology, _presence(facts), touch)
        case ChangeKind.SESSIONS:
            # A record of its own even where nothing of it differs: whoever holds the former one sees that the node's
            # session is another, or was renewed.
            marks: dict[int, dict[str, Any]] = {int(node_id): {} for node_id in facts.get("started", ())}
            if facts.get("login_required"):
                marks |= {node_id: {"login_required": True, "online": False} for node_id in facts["ended"]}
            return _sessions(_patch(topology, marks, touch), facts, touch)
        case ChangeKind.USERS:
            return _users(topology, facts, touch)
        case ChangeKind.NETWORK:
            touch.network = True
            network = msgspec.convert(facts["network"], NetworkRecord)
            return msgspec.structs.replace(_patch(topology, _homes(facts), touch), network=network)
        case ChangeKind.POLICY:
            touch.policy = True
            return topology
        case ChangeKind.CREDENTIALS:
            return topology


def _nodes(topology: Topology, facts: Mapping[str, Any], touch: Touch) -> Topology:
    records = [msgspec.convert(fact, NodeRecord) for fact in facts["nodes"]]
    removed = list(facts["removed"])
    touch.nodes.update(removed)
    records += _patched(topology, facts.get("patched", ()))
    touch.nodes.update(record.id for record in records)
    nodes = topology.nodes.updated({**{item.id: item for item in records}, **dict.fromkeys(removed)})
    # Whoever takes a node out of the mesh ends its session in the same transaction.
    ended = [*removed, *(record.id for record in records if not record.is_present)]
    sessions = topology.sessions.updated(dict.fromkeys(ended)) if ended else topology.sessions
    return msgspec.structs.replace(topology, nodes=nodes, sessions=sessions)


def _patched(topology: Topology, patches: Iterable[Mapping[str, Any]]) -> list[NodeRecord]:
    """Records with what ``set`` says in place of what they said: one for each of ``ids`` that there is."""
    found = []
    for patch in patches:
        new = msgspec.structs.asdict(msgspec.convert(patch["set"], NodePatch))
        new = {name: value for name, value in new.items() if value is not msgspec.UNSET}
        for node_id in patch["ids"]:
            record = topology.nodes.get(node_id)
            if record is not None:
                found.append(msgspec.structs.replace(record, **new))
    return found


def _sessions(topology: Topology, facts: Mapping[str, Any], touch: Touch) -> Topology:
    """``started``: session ids by node id; ``ended``: nodes whose session ended. A start replaces what was there."""
    ended = [int(node_id) for node_id in facts.get("ended", ())]
    started = {int(node_id): session_id for node_id, session_id in facts.get("started", {}).items()}
    if not ended and not started:
        return topology
    touch.nodes.update(ended, started)
    sessions = topology.sessions.updated({**dict.fromkeys(ended), **started})
    return msgspec.structs.replace(topology, sessions=sessions)


def _patch(topology: Topology, patches: Mapping[int, dict[str, Any]], touch: Touch) -> Topology:
    changed: dict[int, NodeRecord | None] = {}
    for node_id, patch in patches.items():
        record = topology.nodes.get(node_id)
        if record is not None:
            changed[node_id] = msgspec.structs.replace(record, **patch)
    touch.nodes.update(changed)
    return msgspec.structs.replace(topology, nodes=topology.nodes.updated(changed)) if changed else topology


def _presence(facts: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    patches: dict[int, dict[str, Any]] = {node_id: {"online": True} for node_id in facts["online"]}
    for gone in facts["offline"]:
        patches[gone["id"]] = {"online": False, "last_seen": datetime.fromisoformat(gone["at"])}
    return patches


def _homes(facts: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """``homes``: the nodes that got another home region with the relays, by that region."""
    return {node_id: {"home_region": home["region"]} for home in facts.get("homes", ()) for node_id in home["nodes"]}


def _users(topology: Topology, facts: Mapping[str, Any], touch: Touch) -> Topology:
    users: Iterable[UserRecord] = [msgspec.convert(fact, UserRecord) for fact in facts["users"]]
    # A person goes when no node is theirs any more, so that no node has to be looked at again.
    removed = [int(fact["id"]) for fact in facts.get("deleted", ())]
    touch.users.update(removed)
    switched: set[int] = set()
    for user in users:
        touch.users.add(user.id)
        known = topology.users.get(user.id)
        if known is not None and known.is_active != user.is_active:
            switched.add(user.id)
    if switched:
        touch.nodes.update(node.id for node in topology.nodes.values() if node.user in switched)
    moved = {**{user.id: user for user in users}, **dict.fromkeys(removed)}
    return msgspec.structs.replace(topology, users=topology.users.updated(moved))
