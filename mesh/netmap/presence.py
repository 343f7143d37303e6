"""Many nodes fell silent or came back at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mesh.compile.ids import IdSet, ranges_of
from mesh.netmap.compare import Comparison
from mesh.netmap.delta import body_of, own_members
from mesh.netmap.parts import encode, instant, join_object
from mesh.netmap.state import State


class _Told(NamedTuple):
    """What a class is told: the items of both lists of ``presence``, joined; and which nodes they are about."""

    ids: IdSet
    online: bytes
    offline: bytes


def presence_bodies(comparison: Comparison, local: IdSet) -> dict[bytes, list[int]]:
    """The bodies for agents, of a change that is presence alone: what an agent is told depends on its class, but for
    itself and for devices of its owner's that others of its class do not see."""
    after = comparison.after
    policy, touched = after.policy, comparison.touched
    has_own = bool(policy.sides.self_lines)
    silent = _silent_since(comparison)
    by_class: dict[tuple[int, ...], _Told] = {}
    bodies: dict[bytes, list[int]] = {}
    for node_id in local:
        shape = policy.shape(node_id)
        told = by_class.get(shape.all)
        if told is None:
            ids = policy.class_peers(shape) & touched
            told = by_class[shape.all] = _told(ids, silent)
        owner = policy.owner_of(node_id) if has_own else None
        mine = [] if owner is None else [item for item in policy.world.of(owner) if item != node_id and item in silent]
        more: list[int] = []
        hidden = False
        for device in mine:
            is_seen = policy.same_user_sees(shape, policy.shape(device))
            hidden |= not is_seen and device in told.ids
            if is_seen and device not in told.ids:
                more.append(device)
        if hidden:
            # Its class sees a device that a rule hides from its owner's other devices.
            body = body_of(comparison, node_id)
        else:
            body = _body(comparison, node_id, _with(told, more, silent))
        if body is not None:
            bodies.setdefault(body, []).append(node_id)
    return bodies


def _silent_since(comparison: Comparison) -> dict[int, bytes | None]:
    """Of the touched nodes, since when they are silent, as JSON; None of those that are online."""
    written: dict[object, bytes] = {}
    found: dict[int, bytes | None] = {}
    for node_id in comparison.touch.nodes:
        node = comparison.after.topology.nodes.get(node_id)
        if node is None:
            continue
        if node.online:
            found[node_id] = None
            continue
        at = written.get(node.last_seen)
        if at is None:
            at = written[node.last_seen] = encode(None if node.last_seen is None else instant(node.last_seen))
        found[node_id] = at
    return found


def _told(ids: Iterable[int], silent: dict[int, bytes | None]) -> _Told:
    """Ids as ranges, those that fell silent at one instant together."""
    online: list[int] = []
    offline: dict[bytes, list[int]] = {}
    kept = ids
    for node_id in ids:
        at = silent[node_id]
        if at is None:
            online.append(node_id)
        elif at in offline:
            offline[at].append(node_id)
        else:
            offline[at] = [node_id]
    gone = [b'{"at":%b,"ids":%b}' % (at, encode(ranges_of(some))) for at, some in offline.items()]
    return _Told(kept, encode(ranges_of(online))[1:-1], b",".join(gone))


def _with(told: _Told, more: list[int], silent: dict[int, bytes | None]) -> _Told:
    if not more:
        return told
    own = _told(more, silent)
    return _Told(
        told.ids,
        b",".join(filter(None, (told.online, own.online))),
        b",".join(filter(None, (told.offline, own.offline))),
    )


def _body(comparison: Comparison, node_id: int, told: _Told) -> bytes | None:
    members: dict[str, bytes] = {}
    if told.online or told.offline:
        members["presence"] = b'{"online":[%b],"offline":[%b]}' % (told.online, told.offline)
    if node_id in comparison.touch.nodes:
        members |= own_members(comparison.before, comparison.after, node_id)
    return join_object(members) if members else None
