"""Acts on nodes, and what the policy makes of them. Each takes many nodes of one network, and writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from acl.services.approvals import plan_approvals
from coordinator.consequences.losses import Consequences, losses_of, reached_by
from coordinator.replica import current_state
from mesh.compile import moved
from mesh.netmap.state import State
from mesh.policy import FactsChange, PolicyNode, Prefix, parse_prefix


def of_leaving(*, network_id: int, node_ids: Sequence[int]) -> Consequences:
    """What is cut when nodes are disabled, deleted or expire, or when their sessions are revoked.

    Raises NotFoundError if the network is gone.
    """
    return losses_of(current_state(network_id), leaving=node_ids)


def of_owner(*, network_id: int, node_ids: Sequence[int], owner_id: int) -> Consequences:
    """What is cut when nodes are handed to a person: all but that person's own must register again.

    Raises NotFoundError if the network is gone.
    """
    state = current_state(network_id)
    nodes = state.topology.nodes
    leaving = [ident for ident in node_ids if (node := nodes.get(ident)) is not None and node.user != owner_id]
    return losses_of(state, leaving=leaving)


def of_tags(*, network_id: int, tags: Mapping[int, Sequence[str]]) -> Consequences:
    """What is cut, and gained, when nodes get these tags in place of all they have.

    A person's node belongs to its tags from then on and must register again. Routes count as the policy would approve
    them. Raises NotFoundError if the network is gone.
    """
    state = current_state(network_id)
    leaving: list[int] = []
    changed: dict[int, PolicyNode] = {}
    for node_id, wanted in tags.items():
        record, node = state.topology.nodes.get(node_id), state.policy.node(node_id)
        if record is None:
            continue
        if not record.tags:
            leaving.append(node_id)
        elif node is not None and node.tags != frozenset(wanted):
            changed[node_id] = replace(node, user=None, tags=frozenset(wanted))
    return losses_of(state, leaving=leaving, changed=_reapproved(state, network_id, changed).values())


def of_withdrawal(*, network_id: int, routes: Iterable[tuple[int, str]]) -> Consequences:
    """What is cut when the approvals of routes, as (node id, prefix), are withdrawn.

    Raises NotFoundError if the network is gone.
    """
    state = current_state(network_id)
    gone: dict[int, set[Prefix]] = {}
    for node_id, prefix in routes:
        gone.setdefault(node_id, set()).add(parse_prefix(prefix))
    changed = [
        replace(node, routes=tuple(route for route in node.routes if route not in prefixes))
        for node_id, prefixes in gone.items()
        if (node := state.policy.node(node_id)) is not None
    ]
    return losses_of(state, changed=changed)


def _reapproved(state: State, network_id: int, changed: dict[int, PolicyNode]) -> dict[int, PolicyNode]:
    """The nodes with the routes that the policy approves for them as they will be."""
    routers = [ident for ident in changed if (record := state.topology.nodes.get(ident)) is not None and record.routes]
    if not routers:
        return changed
    as_if = {ident: changed[ident] for ident in routers}
    plan = plan_approvals(network_id=network_id, policy=state.policy.policy, node_ids=routers, as_if=as_if)
    found = dict(changed)
    for route in plan.withdraw:
        node, prefix = found[route.node_id], parse_prefix(route.prefix)
        found[route.node_id] = replace(node, routes=tuple(item for item in node.routes if item != prefix))
    for route in plan.grant:
        node = found[route.node_id]
        found[route.node_id] = replace(node, routes=(*node.routes, parse_prefix(route.prefix)))
    return found


def reached_once_approved(*, network_id: int, node_id: int, prefixes: Sequence[str]) -> dict[str, int]:
    """For each of a node's routes how many nodes the policy would let reach it, were it approved.

    Empty for a node that takes no part. Raises NotFoundError if the network is gone.
    """
    policy = current_state(network_id).policy
    node = policy.node(node_id)
    if node is None or not prefixes:
        return {}
    more = tuple(parse_prefix(prefix) for prefix in prefixes)
    after = moved(policy, FactsChange((replace(node, routes=tuple(dict.fromkeys((*node.routes, *more)))),)))
    return {prefix: len(reached_by(after, parse_prefix(prefix), [node_id])) for prefix in prefixes}
