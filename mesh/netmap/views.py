"""A change of a few nodes or users, asked from their side: who sees, saw or no longer sees them."""

from __future__ import annotations

from typing import Final

from mesh.compile.ids import IdSet
from mesh.netmap.compare import Comparison
from mesh.netmap.delta import PeerDelta, network_members, peer_members
from mesh.netmap.ids import id_set, peers_of
from mesh.netmap.parts import join_object

FEW_NODES: Final = 64
FEW_AUDIENCES: Final = 512


def bodies_by_view(comparison: Comparison, local: IdSet) -> dict[bytes, IdSet] | None:
    """Groups agents by what they see of what was touched; None if that makes too many groups to be worth it.

    Of ``local`` nobody was touched itself, nor does its view of a router or its filter change.
    """
    groups: list[tuple[IdSet, PeerDelta]] = [(local, PeerDelta())]
    views = [view for node_id in sorted(comparison.touch.nodes) for view in _views_of(comparison, node_id)]
    views += [_view_of_user(comparison, user_id) for user_id in sorted(comparison.touch.users)]
    for viewers, piece in views:
        groups = _split(groups, viewers, piece)
        if len(groups) > FEW_AUDIENCES:
            return None
    network = network_members(comparison.before, comparison.after)
    bodies: dict[bytes, IdSet] = {}
    for viewers, peers in groups:
        if not viewers or not (peers or network):
            continue
        # Routers are never among these: their viewers are asked one by one.
        members = peer_members(comparison.after, peers, 0) | network
        if members:
            body = join_object(members)
            bodies[body] = viewers | bodies[body] if body in bodies else viewers
    return bodies


def _views_of(comparison: Comparison, node_id: int) -> list[tuple[IdSet, PeerDelta]]:
    """Who notices what of one touched node."""
    before, after = comparison.before, comparison.after
    sees = peers_of(after, node_id, after)
    saw = sees if before.policy is after.policy else peers_of(before, node_id, after)
    old, new = before.topology.present(node_id), after.topology.present(node_id)
    views: list[tuple[IdSet, PeerDelta]] = []
    if saw is not sees:
        views = [(sees - saw, PeerDelta(added=(node_id,))), (saw - sees, PeerDelta(removed=(node_id,)))]
    if old is None or new is None:
        return views
    difference = comparison.difference(node_id)
    users = (new.user,) if new.user is not None and new.user != old.user else ()
    if difference.changed is not None:
        views.append((saw & sees, PeerDelta(changed=((node_id, difference.changed),), users=users)))
    elif difference.seen:
        views.append((saw & sees, PeerDelta(presence=(node_id,))))
    return views


def _view_of_user(comparison: Comparison, user_id: int) -> tuple[IdSet, PeerDelta]:
    """Who knows a user: its nodes, and all who see one of them."""
    after = comparison.after
    devices = after.policy.world.of(user_id)
    viewers = id_set(after, devices)
    for device in devices:
        viewers = viewers | peers_of(after, device, after)
    return viewers, PeerDelta(users=(user_id,))


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
        result.append((noticing, peers.joined(piece)))
    return result
