"""What a change means for all agents of a worker at once: each body built once for all who get the same.

Most changes concern a few nodes. Then the question is asked from their side: who sees, saw or no longer sees them?
A change of policy, or of many nodes, is asked from the agents' side, one by one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from mesh.compile.ids import IdSet
from mesh.netmap.concern import concerned_by_policy, is_presence_alone, moved_sets
from mesh.netmap.delta import (
    Memo,
    PeerDelta,
    delta_body,
    network_members,
    peer_members,
    presence_member,
    profiles_of,
    static_difference,
)
from mesh.netmap.ids import id_set, peers_of
from mesh.netmap.parts import encode, join_object, presence_members
from mesh.netmap.state import State
from mesh.steps import Touch

FEW_NODES = 64
FEW_AUDIENCES = 512


@dataclass(slots=True)
class Fan:
    """Bodies with the ids of the nodes they are for. A node stands in one body at most."""

    bodies: list[tuple[bytes, Iterable[int]]] = field(default_factory=list)
    """Joined members of a delta, without braces."""
    whole: set[int] = field(default_factory=set)
    """Nodes that had no map before and have one now: they get it whole."""
    gone: set[int] = field(default_factory=set)
    """Nodes that have no map any more."""


def fan_out(before: State, after: State, touch: Touch, local: IdSet) -> Fan:
    """The bodies that bring the maps of ``local`` nodes from one state to the next."""
    fan = Fan()
    local = id_set(after, local)
    moved = id_set(after, touch.nodes) & local
    for node_id in moved:
        was, is_ = before.topology.present(node_id), after.topology.present(node_id)
        if is_ is None:
            fan.gone.add(node_id)
        elif was is None:
            fan.whole.add(node_id)
    rest = local - id_set(after, fan.gone | fan.whole)
    if is_presence_alone(before, after, touch) and len(touch.nodes) > FEW_NODES:
        _presence(fan, before, after, touch, rest)
        return fan
    # Too many policy classes: whose posture is passed over may have changed for nodes that nothing touched.
    crowded = before.policy.muted or after.policy.muted
    if touch.policy and not touch.nodes and not touch.users and not touch.network:
        _one_by_one(fan, before, after, touch, concerned_by_policy(before, after, rest))
        return fan
    if touch.policy or touch.users or touch.network or crowded or len(touch.nodes) > FEW_NODES:
        _one_by_one(fan, before, after, touch, rest)
        return fan
    single = (moved & rest) | _others_concerned(before, after, touch, rest)
    audiences = _audiences(before, after, touch, rest - single)
    if audiences is None:
        _one_by_one(fan, before, after, touch, rest)
        return fan
    fan.bodies.extend(audiences)
    _one_by_one(fan, before, after, touch, single)
    return fan


def _presence(fan: Fan, before: State, after: State, touch: Touch, local: IdSet) -> None:
    """Many nodes fell silent or came back at once: what an agent is told depends on its class, but for what it sees of
    its own user's devices, and for itself."""
    policy, touched = after.policy, id_set(after, touch.nodes)
    by_class: dict[object, tuple[bytes | None, list[int]]] = {}
    single: list[int] = []
    for node_id in local:
        owner = policy.owner_of(node_id)
        if node_id in touched or (owner is not None and not touch.nodes.isdisjoint(policy.world.of(owner))):
            single.append(node_id)
            continue
        shape = policy.shape(node_id)
        found = by_class.get(shape.all)
        if found is None:
            ids = policy.class_peers(shape) & touched
            body = join_object({"presence": presence_member(after, ids)}) if ids else None
            found = by_class[shape.all] = (body, [])
        found[1].append(node_id)
    bodies: dict[bytes, list[int]] = {}
    for body, node_ids in by_class.values():
        if body is not None:
            bodies.setdefault(body, []).extend(node_ids)
    fan.bodies.extend(bodies.items())
    _one_by_one(fan, before, after, touch, single)


def _one_by_one(fan: Fan, before: State, after: State, touch: Touch, node_ids: Iterable[int]) -> None:
    """Asks for each node what it needs; those that need the same share it."""
    bodies: dict[bytes, list[int]] = {}
    memo: Memo = {}
    for node_id in node_ids:
        if before.topology.present(node_id) is None or after.topology.present(node_id) is None:
            continue
        body = delta_body(before, after, node_id, touch, memo)
        if body is not None:
            bodies.setdefault(body, []).append(node_id)
    fan.bodies.extend(bodies.items())


def _others_concerned(before: State, after: State, touch: Touch, local: IdSet) -> IdSet:
    """Agents whose own filter, sets or view of a route may change although their node did not."""
    if before.policy is after.policy:
        return id_set(after)
    concerned = id_set(after)
    routed = False
    for node_id in touch.nodes:
        for state in (before, after):
            node = state.topology.nodes.get(node_id)
            if node is None:
                continue
            routed |= bool(node.routes)
            if node.user is not None:
                concerned |= id_set(after, state.policy.world.of(node.user))
    if routed:
        # Which of a router's routes are reached is each viewer's own matter; and approved routes are part of the
        # source * and leave the internet: any filter may name either.
        return local.copy()
    concerned &= local
    concerned |= _users_of_moved_sets(before, after, local - concerned)
    return concerned


def _users_of_moved_sets(before: State, after: State, node_ids: Iterable[int]) -> IdSet:
    """Agents with a filter that uses a set which is not what it was."""
    used = before.policy.memo.sets.keys() & after.policy.memo.names.keys() | {"*"}
    moved = moved_sets(before, after, used)
    found = id_set(after)
    if moved:
        for node_id in node_ids:
            if not moved.isdisjoint(after.policy.filter_of(node_id)[1]):
                found.add(node_id)
    return found


def _audiences(before: State, after: State, touch: Touch, local: IdSet) -> list[tuple[bytes, IdSet]] | None:
    """Groups agents by what they see of the touched nodes; None if that makes too many groups to be worth it."""
    groups: list[tuple[IdSet, PeerDelta]] = [(local, PeerDelta())]
    for node_id in sorted(touch.nodes):
        for viewers, piece in _views_of(before, after, node_id):
            groups = _split(groups, viewers, piece)
        if len(groups) > FEW_AUDIENCES:
            return None
    bodies: dict[bytes, IdSet] = {}
    for viewers, peers in groups:
        if not peers or not viewers:
            continue
        sample = viewers.min()
        members = peer_members(after, peers, sample)
        members |= profiles_of(after, _new_users(before, after, peers))
        members |= network_members(before, after)
        body = join_object(members)
        bodies[body] = viewers | bodies[body] if body in bodies else viewers
    return list(bodies.items())


def _new_users(before: State, after: State, peers: PeerDelta) -> set[int]:
    """The owners of peers that are new, or have a new owner."""
    users: set[int] = set()
    for node_id in (*peers.added, *(changed for changed, _ in peers.changed)):
        old, new = before.topology.nodes.get(node_id), after.topology.nodes.get(node_id)
        if new is not None and new.user is not None and (node_id in peers.added or old is None or old.user != new.user):
            users.add(new.user)
    return users


def _views_of(before: State, after: State, node_id: int) -> list[tuple[IdSet, PeerDelta]]:
    """Who notices what of one touched node."""
    saw, sees = peers_of(before, node_id, after), peers_of(after, node_id, after)
    views = [(sees - saw, PeerDelta(added=(node_id,))), (saw - sees, PeerDelta(removed=(node_id,)))]
    old, new = before.topology.nodes.get(node_id), after.topology.nodes.get(node_id)
    if old is None or new is None:
        return views
    members = static_difference(old, new)
    if old.addresses != new.addresses:
        members["allowed_ips"] = members["addresses"]
    if old.online != new.online or (not new.online and old.last_seen != new.last_seen):
        if members:
            members |= presence_members(new)
        else:
            views.append((saw & sees, PeerDelta(presence=(node_id,))))
    if members:
        views.append((saw & sees, PeerDelta(changed=((node_id, encode({"id": node_id} | members)),))))
    return views


def _split(groups: list[tuple[IdSet, PeerDelta]], viewers: IdSet, piece: PeerDelta) -> list[tuple[IdSet, PeerDelta]]:
    """Those in a group who notice ``piece`` as well become a group of their own."""
    if not viewers:
        return groups
    result: list[tuple[IdSet, PeerDelta]] = []
    for members, peers in groups:
        noticing = members & viewers
        if not noticing:
            result.append((members, peers))
            continue
        left = members - noticing
        if left:
            result.append((left, peers))
        result.append(
            (
                noticing,
                PeerDelta(
                    peers.added + piece.added,
                    peers.removed + piece.removed,
                    peers.changed + piece.changed,
                    peers.presence + piece.presence,
                ),
            )
        )
    return result
