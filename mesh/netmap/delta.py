"""What one node must be told to get from one state to another (agent protocol, "Delta")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mesh.compile.ids import ranges_of
from mesh.compile.sets import set_difference
from mesh.netmap.chunks import part_of
from mesh.netmap.concern import routers_to_compare
from mesh.netmap.ids import id_set, peers_of
from mesh.netmap.parts import (
    encode,
    host_prefixes,
    instant,
    join_object,
    own_part,
    presence_members,
    reach_piece,
    static_members,
)
from mesh.netmap.state import State
from mesh.netmap.whole import reached_routes
from mesh.steps import Touch
from mesh.topology import NodeRecord

Memo = dict[object, frozenset[int]]


@dataclass(frozen=True, slots=True)
class PeerDelta:
    """What happened to peers of one audience. An id stands in one member only."""

    added: tuple[int, ...] = ()
    removed: tuple[int, ...] = ()
    changed: tuple[tuple[int, bytes], ...] = ()
    presence: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.presence)


def delta_body(before: State, after: State, viewer_id: int, touch: Touch, memo: Memo | None = None) -> bytes | None:
    """The members of the delta that ``viewer_id`` needs, joined but without braces; None if it needs nothing.

    ``touch`` is what all steps between the two concerned; ``memo`` may be shared by calls with the same states. The
    node takes part in both states.
    """
    peers = peer_delta(before, after, viewer_id, touch, {} if memo is None else memo)
    members = peer_members(after, peers, viewer_id) if peers else {}
    members |= own_members(before, after, viewer_id)
    members |= filter_members(before, after, viewer_id)
    members |= profile_members(before, after, viewer_id, touch, peers.added)
    members |= network_members(before, after)
    return join_object(members) if members else None


def peer_delta(before: State, after: State, viewer_id: int, touch: Touch, memo: Memo) -> PeerDelta:
    """Compares the peers of one node in two states."""
    old_ids, new_ids = peers_of(before, viewer_id, after), peers_of(after, viewer_id, after)
    both = old_ids & new_ids
    changed: list[tuple[int, bytes]] = []
    presence: list[int] = []
    suspects = both & id_set(after, touch.nodes)
    if before.policy is not after.policy:
        suspects |= both & id_set(after, routers_to_compare(before, after, viewer_id, memo))
    for peer_id in suspects.to_array():
        old, new = before.topology.nodes.get(peer_id), after.topology.nodes.get(peer_id)
        assert old is not None
        assert new is not None
        members = static_difference(old, new) | _reach_difference(before, after, viewer_id, old, new)
        seen = old.online != new.online or (not new.online and old.last_seen != new.last_seen)
        if members:
            members |= presence_members(new) if seen else {}
            changed.append((peer_id, encode({"id": peer_id} | members)))
        elif seen:
            presence.append(peer_id)
    return PeerDelta(tuple(new_ids - old_ids), tuple(old_ids - new_ids), tuple(changed), tuple(presence))


def static_difference(old: NodeRecord, new: NodeRecord) -> dict[str, Any]:
    """The members of a peer, the same for every viewer, that are not what they were."""
    if old is new:
        return {}
    former = static_members(old)
    return {name: value for name, value in static_members(new).items() if former[name] != value}


def _reach_difference(before: State, after: State, viewer_id: int, old: NodeRecord, new: NodeRecord) -> dict[str, Any]:
    if not old.routes and not new.routes:
        return {} if old.addresses == new.addresses else {"allowed_ips": host_prefixes(new.addresses)}
    former, present = (
        ([*host_prefixes(node.addresses), *sorted(reached_routes(node, state.policy, viewer_id))],
         state.policy.exit_node_for(viewer_id, node.id))
        for state, node in ((before, old), (after, new))
    )  # fmt: skip
    members: dict[str, Any] = {}
    if former[0] != present[0]:
        members["allowed_ips"] = present[0]
    if former[1] != present[1]:
        members["exit_node"] = present[1]
    return members


def peer_members(after: State, peers: PeerDelta, viewer_id: int) -> dict[str, bytes]:
    """The four peer members of a delta."""
    members: dict[str, bytes] = {}
    if peers.added:
        whole = [whole_peer(after, peer_id, viewer_id) for peer_id in peers.added]
        members["peers_added"] = b"[" + b",".join(whole) + b"]"
    if peers.changed:
        members["peers_changed"] = b"[" + b",".join(encoded for _, encoded in peers.changed) + b"]"
    if peers.removed:
        members["peers_removed"] = encode(list(peers.removed))
    if peers.presence:
        members["presence"] = presence_member(after, peers.presence)
    return members


def whole_peer(state: State, peer_id: int, viewer_id: int) -> bytes:
    """A peer as one node sees it, whole."""
    part = part_of(state.chunks, peer_id)
    peer = state.topology.nodes.get(peer_id)
    assert part is not None
    assert peer is not None
    if part.routes:
        routes = reached_routes(peer, state.policy, viewer_id)
        part = part._replace(reach=reach_piece(peer, routes, state.policy.exit_node_for(viewer_id, peer_id)))
    return part.whole


def presence_member(after: State, node_ids: Iterable[int]) -> bytes:
    """Who is online and who is not, ids as ranges, those that fell silent at one instant together."""
    online: list[int] = []
    offline: dict[str | None, list[int]] = {}
    for node_id in sorted(node_ids):
        node = after.topology.nodes.get(node_id)
        assert node is not None
        if node.online:
            online.append(node_id)
        else:
            at = None if node.last_seen is None else instant(node.last_seen)
            offline.setdefault(at, []).append(node_id)
    gone = [{"at": at, "ids": ranges_of(ids)} for at, ids in offline.items()]
    return encode({"online": ranges_of(online), "offline": gone})


def own_members(before: State, after: State, viewer_id: int) -> dict[str, bytes]:
    """The node's own part, where it is not what it was."""
    old, new = before.topology.nodes.get(viewer_id), after.topology.nodes.get(viewer_id)
    assert old is not None
    assert new is not None
    if old is new:
        return {}
    part = own_part(new)
    members = {} if part == own_part(old) else {"node": encode(part)}
    if old.key != new.key:
        members["node_key"] = encode(new.key)
    return members


def filter_members(before: State, after: State, viewer_id: int) -> dict[str, bytes]:
    """The packet filter, whole if it changed, and the difference of the sets that it uses."""
    if before.policy is after.policy:
        return {}
    old_rules, old_names = before.policy.filter_of(viewer_id)
    new_rules, new_names = after.policy.filter_of(viewer_id)
    members: dict[str, bytes] = {}
    if old_rules is not new_rules and old_rules != new_rules:
        members["packet_filter"] = after.shared.encode(new_rules)
    sets = sets_difference(before, after, old_names, new_names)
    if sets:
        members["sets"] = encode(sets)
    return members


def sets_difference(before: State, after: State, old_names: Iterable[str], new_names: Iterable[str]) -> dict[str, Any]:
    """How the sets of a filter changed: ``put`` for new ones, null for those that are gone, else what came and went."""
    old, new = set(old_names), set(new_names)
    sets: dict[str, Any] = dict.fromkeys(sorted(old - new))
    for name in sorted(new):
        present = after.policy.set_of(name)
        if name not in old:
            sets[name] = {"put": present}
            continue
        former = before.policy.set_of(name)
        if former is not present and (difference := set_difference(former, present)):
            sets[name] = difference
    return sets


def profile_members(
    before: State, after: State, viewer_id: int, touch: Touch, added: Iterable[int]
) -> dict[str, bytes]:
    """Profiles of users that changed or newly belong to a peer or the node, and nobody else's. A reader drops those
    that it needs no more."""
    nodes = after.topology.nodes
    users = {node.user for node_id in added if (node := nodes.get(node_id)) is not None and node.user is not None}
    for node_id in touch.nodes:
        old, new = before.topology.nodes.get(node_id), nodes.get(node_id)
        if new is None or new.user is None or (old is not None and old.user == new.user):
            continue
        if node_id == viewer_id or after.policy.sees(viewer_id, node_id):
            users.add(new.user)
    users.update(user_id for user_id in touch.users if sees_user(after, viewer_id, user_id))
    return profiles_of(after, users)


def sees_user(state: State, viewer_id: int, user_id: int) -> bool:
    """Whether the node is the user's, or sees a node that is."""
    owned = state.policy.world.of(user_id)
    return viewer_id in owned or any(state.policy.sees(viewer_id, node_id) for node_id in owned)


def profiles_of(state: State, users: Iterable[int]) -> dict[str, bytes]:
    """The member ``user_profiles`` for some users."""
    known = (state.topology.users.get(user_id) for user_id in sorted(users))
    pieces = [state.shared.profile(user) for user in known if user is not None]
    return {"user_profiles": b"{" + b",".join(pieces) + b"}"} if pieces else {}


def network_members(before: State, after: State) -> dict[str, bytes]:
    """The members that are the same in all maps of a network, where they changed."""
    if before.settings is after.settings:
        return {}
    pairs: Mapping[str, tuple[bytes, bytes]] = {
        name: (getattr(before.settings, name), getattr(after.settings, name))
        for name in ("lease_seconds", "dns", "derp_map", "domain")
    }
    return {name: new for name, (old, new) in pairs.items() if old != new}
