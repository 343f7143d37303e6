"""The live network that policies are held against: from this process's replica where it can be, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import msgspec
import structlog

from acl.selectors import get_version, latest_version, policy_clock, policy_of_version
from acl.services.approvals import ApprovalPlan
from coordinator.replica import MAX_STEPS, REPLICAS, load_topology
from mesh.compile import CompiledPolicy, compile_policy, moved
from mesh.errors import GhostWireError
from mesh.netmap.facts import facts_of, policy_node
from mesh.netmap.state import move_state
from mesh.policy import FactsChange, Policy
from mesh.steps import OutOfStepError, Step
from mesh.topology import Topology
from nodes.models import Change, Network

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Live:
    """A network as it is, with the policy in force compiled for it."""

    topology: Topology
    compiled: CompiledPolicy


def live_network(network: Network) -> Live:
    """The network at its recorded map version, also within a transaction that is about to change its policy.

    What such a transaction has written is not yet true, and must not get into the replica that others read: so this
    reads the change log alone, and keeps nothing. A policy in force that cannot be read or compiled counts as none,
    which denies everything: it must not stand in the way of a better one.
    """
    state = REPLICAS.of(network.pk).state
    if state is not None and network.map_version - MAX_STEPS <= state.version <= network.map_version:
        steps = Change.objects.filter(network=network, version__gt=state.version, version__lte=network.map_version)
        rows = steps.order_by("version").values_list("version", "kind", "facts")
        try:
            for row in rows:
                state, _ = move_state(state, Step(*row), read_policy=lambda facts: _policy_in(network.pk, facts))
        except (OutOfStepError, GhostWireError):
            state = None
        if state is not None and state.version == network.map_version:
            return Live(state.topology, state.policy)
    topology = load_topology(network.pk)
    return Live(topology, _compiled(network, topology))


def _compiled(network: Network, topology: Topology) -> CompiledPolicy:
    facts, at = facts_of(topology), policy_clock(network.pk)
    try:
        version = latest_version(network.pk)
        policy = Policy() if version is None else policy_of_version(version)
        return compile_policy(policy, facts, at, strict=False)
    except GhostWireError as error:
        log.error("policy.not_compiled", network_id=network.pk, detail=error.detail)
        return compile_policy(Policy(), facts, at)


def with_approvals(live: Live, compiled: CompiledPolicy, plan: ApprovalPlan) -> CompiledPolicy:
    """``compiled`` with the routes approved that ``plan`` grants, and without those that it takes back.

    Raises ValidationError where those make more policy classes than there may be.
    """
    if not (plan.grant or plan.withdraw):
        return compiled
    granted = _prefixes((route.node_id, route.prefix) for route in plan.grant)
    withdrawn = _prefixes((route.node_id, route.prefix) for route in plan.withdraw)
    changed = []
    for node_id in granted.keys() | withdrawn.keys():
        record = live.topology.present(node_id)
        if record is None:
            continue
        more, less = granted.get(node_id, set()), withdrawn.get(node_id, set())
        routes = tuple(
            msgspec.structs.replace(item, approved=(item.approved or item.prefix in more) and item.prefix not in less)
            for item in record.routes
        )
        changed.append(policy_node(msgspec.structs.replace(record, routes=routes)))
    return moved(compiled, FactsChange(tuple(changed)), strict=True)


def _prefixes(pairs: Iterable[tuple[int, str]]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for node_id, prefix in pairs:
        found.setdefault(node_id, set()).add(str(ip_network(prefix)))
    return found


def _policy_in(network_id: int, facts: Mapping[str, Any]) -> Policy:
    return policy_of_version(get_version(network_id, facts["policy_version"]))
