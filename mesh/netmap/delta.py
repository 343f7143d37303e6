"""What one node must be told to get from one state to another (agent protocol, "Delta")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mesh.compile.ids import IdSet, ranges_of
from mesh.compile.sets import set_difference
from mesh.netmap.chunks import parts_of
from mesh.netmap.compare import Comparison
from mesh.netmap.ids import id_set, peers_of
from mesh.netmap.parts import encode, instant, join_object, own_part
from mesh.netmap.state import State
from mesh.steps import Touch


@dataclass(frozen=True, slots=True)
class PeerDelta:
    """What happened to peers of one audience, and users whose profiles it needs. An id stands in one member only."""

    added: tuple[int, ...] = ()
    removed: tuple[int, ...] = ()
    changed: tuple[tuple[int, bytes], ...] = ()
    presence: tuple[int, ...] = ()
    users: tuple[int, ...] = ()

    def joined(self, other: PeerDelta) -> PeerDelta:
        """What ``other`` says as well."""
        return PeerDelta(
            self.added + other.added,
            self.removed + other.removed,
            self.changed + other.changed,
            self.presence + other.presence,
            self.users + other.users,
        )

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.presence or self.users)


def delta_body(before: State, after: State, viewer_id: int, touch: Touch) -> bytes | None:
    """The members of the delta that ``viewer_id`` needs, joined but without braces; None if it needs nothing.

    ``touch`` is what all steps between the two concerned. The node takes part in both states.
    """
    return body_of(Comparison(before, after, touch), viewer_id)


def body_of(comparison: Comparison, viewer_id: int) -> bytes | None:
    """The same, of states that are being compared already."""
    before, after = comparison.before, comparison.after
    old_row, new_row = row_of(before, viewer_id), row_of(after, viewer_id)
    old_ids, new_ids = peers_of(before, viewer_id, after), peers_of(after, viewer_id, after)
    peers = peer_delta(comparison, (old_ids, old_row), (new_ids, new_row), owner=_user_of(after, viewer_id))
    members = peer_members(after, peers, new_row) if peers else {}
    members |= own_members(before, after, viewer_id)
    members |= filter_members(before, after, viewer_id)
    members |= network_members(before, after)
    return join_object(members) if members else None


def row_of(state: State, node_id: int) -> int:
    """The classes that a node sees."""
    return state.policy.row(state.policy.shape(node_id))


def _user_of(state: State, node_id: int) -> int | None:
    node = state.topology.nodes.get(node_id)
    return None if node is None else node.user


def peer_delta(
    comparison: Comparison, old: tuple[IdSet, int], new: tuple[IdSet, int], *, owner: int | None = None
) -> PeerDelta:
    """Compares the peers, and the classes seen, of a node that belongs to ``owner``, or of all who see the same."""
    (old_ids, old_row), (new_ids, new_row) = old, new
    both = old_ids & new_ids
    changed: list[tuple[int, bytes]] = []
    presence: list[int] = []
    suspects = both & comparison.touched
    routers = comparison.routers_between(old_row, new_row)
    if routers:
        suspects |= both & id_set(comparison.after, [router for router, _, _ in routers])
    for peer_id in suspects.to_array():
        encoded, seen = comparison.changed_peer(peer_id, old_row, new_row)
        if encoded is not None:
            changed.append((peer_id, encoded))
        elif seen:
            presence.append(peer_id)
    users = _users_of_delta(comparison, new_ids, owner)
    return PeerDelta(tuple(new_ids - old_ids), tuple(old_ids - new_ids), tuple(changed), tuple(presence), users)


def _users_of_delta(comparison: Comparison, new_ids: IdSet, owner: int | None) -> tuple[int, ...]:
    """The users whose profiles a viewer lacks, owners of added peers aside: peers, or the node itself, are theirs now;
    or they changed. Nobody is told of users who own nothing that it sees."""
    users = {user_id for node_id, user_id in comparison.reowned() if user_id == owner or node_id in new_ids}
    owned = comparison.after.policy.world.of
    for user_id in comparison.touch.users:
        if user_id == owner or any(node_id in new_ids for node_id in owned(user_id)):
            users.add(user_id)
    return tuple(sorted(users))


def peer_members(after: State, peers: PeerDelta, row: int) -> dict[str, bytes]:
    """The four peer members of a delta for those who see the classes of ``row``, and the profiles that go with them."""
    members: dict[str, bytes] = {}
    users = set(peers.users)
    if peers.added:
        parts = parts_of(after.chunks, peers.added)
        whole = [
            (after.blocks.router(after, peer_id, row, part) if part.routes else part).whole for peer_id, part in parts
        ]
        members["peers_added"] = b"[" + b",".join(whole) + b"]"
        users.update([part.user for _, part in parts if part.user is not None])
    if peers.changed:
        members["peers_changed"] = b"[" + b",".join([encoded for _, encoded in peers.changed]) + b"]"
    if peers.removed:
        members["peers_removed"] = encode(list(peers.removed))
    if peers.presence:
        members["presence"] = presence_member(after, peers.presence)
    return members | profiles_of(after, users)


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
    former, present = before.attributes_of(viewer_id), after.attributes_of(viewer_id)
    if old is new and former == present and not rotates_otherwise(before, after):
        return {}
    part = own_part(new, after.topology.network, present)
    same = part == own_part(old, before.topology.network, former)
    members = {} if same else {"node": encode(part)}
    if old.key != new.key:
        members["node_key"] = encode(new.key)
    return members


def rotates_otherwise(before: State, after: State) -> bool:
    """Whether keys serve for another time than before: then each node's own part differs."""
    return before.topology.network.key_rotation_seconds != after.topology.network.key_rotation_seconds


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


def profiles_of(state: State, users: Iterable[int]) -> dict[str, bytes]:
    """The member ``user_profiles`` for some users. A reader drops those that it needs no more."""
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
