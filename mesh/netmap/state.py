"""One network at one version, with its policy compiled and its peers encoded: all that maps and deltas are made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from mesh.compile import Attributes, CompiledPolicy, at_instant, compile_policy, moved, with_policy
from mesh.netmap.blocks import MANY_TOUCHED, Blocks, Marks
from mesh.netmap.chunks import Chunks, chunks_of, part_of, update_chunks
from mesh.netmap.facts import differs, facts_change, facts_of
from mesh.netmap.parts import PeerPart, dns_part, encode, peer_part, presence_piece, profile_piece, relay_part
from mesh.policy import FactsChange, Policy
from mesh.steps import Step, Touch, move
from mesh.topology import NetworkRecord, NodeRecord, Topology, UserRecord

ReadPolicy = Callable[[Mapping[str, Any]], Policy]


@dataclass(frozen=True, slots=True)
class Shared:
    """What outlives versions: encoded filters, sets and profiles by what they encode."""

    encoded: dict[int, tuple[object, bytes]] = field(default_factory=dict)

    ENCODED_LIMIT = 50_000

    def encode(self, value: object) -> bytes:
        """JSON of a value that never changes, encoded once for as long as it lives here."""
        found = self.encoded.get(id(value))
        if found is not None and found[0] is value:
            return found[1]
        encoded = encode(value)
        if len(self.encoded) >= self.ENCODED_LIMIT:
            self.encoded.clear()
        # The value is held, so that its id is nobody else's meanwhile.
        self.encoded[id(value)] = (value, encoded)
        return encoded

    def profile(self, user: UserRecord) -> bytes:
        """A user's profile as a member of ``user_profiles``."""
        found = self.encoded.get(id(user))
        if found is not None and found[0] is user:
            return found[1]
        encoded = profile_piece(user)
        self.encoded[id(user)] = (user, encoded)
        return encoded


@dataclass(frozen=True, slots=True)
class Settings:
    """The members of a map that are the same in all maps of a network, encoded."""

    dns: bytes
    derp_map: bytes
    domain: bytes
    lease_seconds: bytes


@dataclass(frozen=True, slots=True)
class State:
    """Immutable, but for what is remembered in ``shared`` and ``blocks``."""

    topology: Topology
    policy: CompiledPolicy
    chunks: Chunks
    settings: Settings
    shared: Shared
    attributes: Attributes
    marks: Marks
    blocks: Blocks

    @property
    def version(self) -> int:
        """The map version that this is."""
        return self.topology.network.version

    def attributes_of(self, node_id: int) -> tuple[str, ...]:
        """What the policy gives a node as capabilities, sorted."""
        return self.attributes.of(self.policy.node(node_id)) if self.attributes else ()

    def chunk_part(self, node_id: int) -> PeerPart | None:
        """A node as its peers see it, encoded; None for one that takes no part."""
        return part_of(self.chunks, node_id)

    @property
    def epoch(self) -> int:
        """The epoch that versions count within."""
        return self.topology.network.epoch


def build_state(topology: Topology, policy: Policy, at: datetime) -> State:
    """A state from scratch, of a policy that is in force. Raises what ``compile_policy`` raises for one that does not
    compile."""
    compiled = compile_policy(policy, facts_of(topology), at, strict=False)
    attributes = Attributes(policy)
    parts = {
        node.id: peer_part(node, attributes.of(compiled.node(node.id)))
        for node in topology.nodes.values()
        if topology.is_present(node)
    }
    chunks = chunks_of(parts)
    return State(topology, compiled, chunks, _settings(topology.network), Shared(), attributes, Marks(), Blocks())


def move_state(state: State, step: Step, *, read_policy: ReadPolicy) -> tuple[State, Touch]:
    """The state after one recorded change, and what it concerned. ``read_policy`` gives the policy that facts name.

    Raises OutOfStepError if the change does not follow, and what the policy engine raises for a policy that does not
    compile: then the caller keeps the rules that were in force.
    """
    topology, touch = move(state.topology, step)
    compiled = _compiled(state, topology, step, touch, read_policy)
    attributes = state.attributes
    if not attributes.serve(compiled.policy):
        attributes = Attributes(compiled.policy)
        touch.nodes.update(_described_anew(state, attributes, compiled))
    parts = {node_id: _moved_part(state, topology, compiled, attributes, node_id) for node_id in touch.nodes}
    same_classes = compiled.lineage is state.policy.lineage
    return (
        replace(
            state,
            topology=topology,
            policy=compiled,
            chunks=update_chunks(state.chunks, parts) if parts else state.chunks,
            settings=_settings(topology.network) if touch.network else state.settings,
            attributes=attributes,
            marks=_marked(state, compiled, parts) if parts and same_classes else state.marks,
            blocks=state.blocks if same_classes else Blocks(),
        ),
        touch,
    )


def _described_anew(state: State, attributes: Attributes, compiled: CompiledPolicy) -> list[int]:
    """The nodes whose capabilities are not what they were."""
    before = state.policy.world.nodes
    return [
        node.id
        for node in compiled.world.nodes.values()
        if attributes.of(node) != state.attributes.of(before.get(node.id))
    ]


def _moved_part(
    state: State, topology: Topology, compiled: CompiledPolicy, attributes: Attributes, node_id: int
) -> PeerPart | None:
    """A node that changed, encoded anew; where nothing but its presence did, no more than that."""
    node = topology.present(node_id)
    if node is None:
        return None
    before, known = state.topology.nodes.get(node_id), state.chunk_part(node_id)
    if known is not None and before is not None and compiled is state.policy and is_same_but_presence(before, node):
        return msgspec.structs.replace(known, presence=presence_piece(node))
    return peer_part(node, attributes.of(compiled.node(node_id)) if attributes else ())


def is_same_but_presence(one: NodeRecord, other: NodeRecord) -> bool:
    """Whether two records of a node differ in presence alone."""
    if one is other:
        return True
    return (
        one.endpoints == other.endpoints
        and one.name == other.name
        and one.key == other.key
        and one.home_region == other.home_region
        and one.key_expires_at == other.key_expires_at
        and one.state == other.state
        and one.login_required == other.login_required
        and not differs(one, other)
    )


def _marked(state: State, policy: CompiledPolicy, node_ids: Collection[int]) -> Marks:
    """The marks after these nodes changed: in the classes that they had and in those that they have."""
    if len(node_ids) > MANY_TOUCHED:
        return Marks()
    keys = {policy.class_of(node_id) for node_id in node_ids}
    if policy is not state.policy:
        keys.update(state.policy.class_of(node_id) for node_id in node_ids)
    return state.marks.touched(keys)


def _compiled(state: State, topology: Topology, step: Step, touch: Touch, read_policy: ReadPolicy) -> CompiledPolicy:
    """The policy after a step. It is compiled for the instant that the change log says, never for the clock's."""
    compiled = state.policy
    if touch.policy:
        at = datetime.fromisoformat(step.facts["at"])
        if "rules" not in step.facts:
            return at_instant(compiled, at)
        return with_policy(compiled, read_policy(step.facts), at, strict=False)
    if _ground(topology.network) != _ground(state.topology.network):
        return compile_policy(compiled.policy, facts_of(topology), compiled.at, strict=False)
    change = facts_change(state.topology, topology, touch)
    return compiled if change == FactsChange() else moved(compiled, change)


def _settings(network: NetworkRecord) -> Settings:
    return Settings(
        dns=encode(dns_part(network)),
        derp_map=encode(relay_part(network)),
        domain=encode(network.domain),
        lease_seconds=encode(network.lease_seconds),
    )


def _ground(network: NetworkRecord) -> tuple[str, str | None, str]:
    return network.ipv4_range, network.ipv6_range, network.domain
