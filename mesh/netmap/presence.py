"""Many nodes fell silent or came back at once: what an agent is told depends on its class, but for itself and for
devices of its owner's that others of its class do not see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, compress
from typing import Final, NamedTuple

from mesh.compile.bits import digits_of, large_mask_of, members
from mesh.compile.ids import IdSet, ranges_of
from mesh.netmap.compare import Comparison
from mesh.netmap.delta import body_of, own_members
from mesh.netmap.ids import id_set
from mesh.netmap.parts import encode, instant, join_object
from mesh.netmap.state import State
from mesh.topology import NodeRecord

ONLINE: Final = 0
Told = list[list[bytes]]
"""Ranges of ids by the number of their news."""


class _Run(NamedTuple):
    """Nodes of one class with the same news, their ids as ranges; ``news`` numbers what happened to them."""

    news: int
    encoded: bytes


class _News:
    """What is to be told, by the class of the nodes that it is about."""

    __slots__ = ("by_class", "mask", "since", "singles")

    def __init__(self, state: State, node_ids: Iterable[int]) -> None:
        self.since: list[bytes] = [b""]
        """Since when nodes are silent, as JSON; the first stands for those that are online."""
        self.by_class: list[tuple[_Run, ...]] = [()] * len(state.policy.classes.keys)
        self.mask = 0
        self.singles: list[tuple[int, _Run]] = []
        numbers: dict[object, int] = {}
        singles = state.blocks.singles(state).ids
        touched = id_set(state, node_ids)
        for number, every in enumerate(state.policy.classes.members):
            ids = every & touched
            if ids and (plain := ids - singles):
                self.mask |= 1 << number
                self.by_class[number] = self._runs(state, plain, numbers)
        for node_id in touched & singles:
            ((news, encoded),) = self._runs(state, [node_id], numbers)
            self.singles.append((state.policy.shape(node_id).mask, _Run(news, encoded)))

    def _runs(self, state: State, node_ids: Iterable[int], numbers: dict[object, int]) -> tuple[_Run, ...]:
        """Nodes of one class, those with the same news together."""
        found: dict[int, list[int]] = {}
        for node_id in node_ids:
            node = state.topology.nodes.get(node_id)
            assert node is not None
            found.setdefault(self._number(node, numbers), []).append(node_id)
        return tuple([_Run(news, encode(ranges_of(ids))[1:-1]) for news, ids in found.items()])

    def _number(self, node: NodeRecord, numbers: dict[object, int]) -> int:
        if node.online:
            return ONLINE
        found = numbers.get(node.last_seen)
        if found is None:
            found = numbers[node.last_seen] = len(self.since)
            self.since.append(encode(None if node.last_seen is None else instant(node.last_seen)))
        return found

    def seen(self, row: int) -> Told:
        """What those are told who see the classes of ``row``."""
        told: Told = [[] for _ in self.since]
        for news, encoded in chain.from_iterable(compress(self.by_class, digits_of(row & self.mask))):
            told[news].append(encoded)
        return self._with_singles(told, row)

    def seen_by(self, sees: Sequence[int], classes: int) -> list[Told]:
        """What each of ``classes`` is told, by its number; ``sees`` are the rows of all. Asked from the side of those
        that it is about, of whom there are fewer: visibility is symmetric."""
        numbers = members(classes)
        told: list[Told] = [[] for _ in sees]
        for number in numbers:
            told[number] = [[] for _ in self.since]
        for number in members(self.mask):
            viewers = list(compress(told, digits_of(sees[number] & classes)))
            for news, encoded in self.by_class[number]:
                for its in viewers:
                    its[news].append(encoded)
        if self.singles:
            for number in numbers:
                self._with_singles(told[number], sees[number])
        return told

    def _with_singles(self, told: Told, row: int) -> Told:
        for mask, (news, encoded) in self.singles:
            if mask & row:
                told[news].append(encoded)
        return told

    def member(self, told: Told) -> bytes | None:
        """The member ``presence`` of a delta."""
        offline = [
            b'{"at":%b,"ids":[%b]}' % (at, b",".join(ids))
            for at, ids in zip(self.since[1:], told[1:], strict=True)
            if ids
        ]
        if not offline and not told[ONLINE]:
            return None
        return b'{"online":[%b],"offline":[%b]}' % (b",".join(told[ONLINE]), b",".join(offline))

    def of(self, node: NodeRecord) -> _Run:
        """The news of one node."""
        news = ONLINE
        if not node.online:
            news = self.since.index(encode(None if node.last_seen is None else instant(node.last_seen)))
        return _Run(news, b"[%d,%d]" % (node.id, node.id))


def presence_bodies(comparison: Comparison, local: IdSet) -> dict[bytes, list[int]]:
    """The bodies for agents, of a change that is presence alone."""
    state = comparison.after
    policy = state.policy
    news = _News(state, comparison.touch.nodes)
    singles = local & state.blocks.singles(state).ids
    plain = local - singles
    listening = {number: mine for number, every in enumerate(policy.classes.members) if (mine := plain & every)}
    told = news.seen_by(policy.reach.sees, large_mask_of(listening, len(policy.classes.members)))
    audiences = [(told[number], mine) for number, mine in listening.items()]
    audiences += [(news.seen(row), mine) for row, mine in _by_row(state, singles).items()]
    apart = (comparison.touched | _mates(comparison)) & local
    found: dict[bytes, list[int]] = {}
    for its, node_ids in audiences:
        presence = news.member(its)
        alone = node_ids & apart
        together = node_ids - alone if alone else node_ids
        if presence is not None and together:
            found.setdefault(join_object({"presence": presence}), []).extend(together)
        for node_id in alone:
            body = _single_body(comparison, news, its, node_id)
            if body is not None:
                found.setdefault(body, []).append(node_id)
    return found


def _by_row(state: State, singles: IdSet) -> dict[int, IdSet]:
    """Agents that some rule tells from others, by the classes that they see."""
    found: dict[int, list[int]] = {}
    for node_id in singles:
        found.setdefault(state.policy.row(state.policy.shape(node_id)), []).append(node_id)
    return {row: id_set(state, ids) for row, ids in found.items()}


def _mates(comparison: Comparison) -> IdSet:
    """The devices of the owners of touched nodes, where those may see each other in their own way."""
    policy = comparison.after.policy
    if not policy.sides.self_lines:
        return id_set(comparison.after)
    owners = {policy.owner_of(node_id) for node_id in comparison.touch.nodes} - {None}
    return id_set(comparison.after, [device for owner in owners for device in policy.world.of(owner)])


def _single_body(comparison: Comparison, news: _News, told: Told, node_id: int) -> bytes | None:
    """The body of a node that something happened to, or to a device of its owner's; others of its class are ``told``
    this."""
    state = comparison.after
    policy = state.policy
    more: list[_Run] = []
    owner = policy.owner_of(node_id) if policy.sides.self_lines else None
    devices = () if owner is None else policy.world.of(owner)
    mine = [device for device in devices if device != node_id and device in comparison.touch.nodes]
    if mine:
        shape = policy.shape(node_id)
        row = policy.row(shape)
        for device in mine:
            its = policy.shape(device)
            in_class = bool(row & its.mask)
            if policy.same_user_sees(shape, its) == in_class:
                continue
            node = state.topology.nodes.get(device)
            if in_class or node is None:  # a rule hides it from its owner's other devices
                return body_of(comparison, node_id)
            more.append(news.of(node))
    if more:
        told = [list(ids) for ids in told]
        for number, encoded in more:
            told[number].append(encoded)
    presence = news.member(told)
    parts: dict[str, bytes] = {} if presence is None else {"presence": presence}
    if node_id in comparison.touch.nodes:
        parts |= own_members(comparison.before, state, node_id)
    return join_object(parts) if parts else None
