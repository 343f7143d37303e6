"""Many nodes fell silent or came back at once: what an agent is told depends on its class, but for itself and for
devices of its owner's that others of its class do not see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, compress
from typing import Final, NamedTuple

from mesh.compile.bits import digits_of, large_mask_of, members
from mesh.compile.ids import IdSet
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
    """Neighbouring ids, of one class and with the same news, as a range; ``news`` numbers what happened to them."""

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
        last: tuple[int, int, int] = (-1, -1, -1)
        runs: dict[int, list[tuple[int, int, int]]] = {}
        known_singles = state.policy.classes.singles
        for node_id in sorted(node_ids):
            node = state.topology.nodes.get(node_id)
            shape = state.policy.shape(node_id)
            if node is None or not shape.all:
                continue
            news = self._number(node, numbers)
            if known_singles.get(node_id) is not None:
                self.singles.append((shape.mask, _run(news, node_id, node_id)))
                continue
            number = shape.all[0]
            mine = runs.setdefault(number, [])
            if last == (number, news, node_id - 1) and mine:
                mine[-1] = (news, mine[-1][1], node_id)
            else:
                mine.append((news, node_id, node_id))
            last = (number, news, node_id)
        for number, found in runs.items():
            self.mask |= 1 << number
            self.by_class[number] = tuple([_run(*run) for run in found])

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

    def seen_by(self, sees: Sequence[int], classes: int) -> dict[int, Told]:
        """What each of ``classes`` is told, by its number; ``sees`` are the rows of all. Asked from the side of those
        that it is about, of whom there are fewer: visibility is symmetric."""
        numbers = members(classes)
        told: dict[int, Told] = {number: [[] for _ in self.since] for number in numbers}
        appends: list[list[Callable[[bytes], None]]] = []
        for news in range(len(self.since)):
            by_class: list[Callable[[bytes], None]] = [_nobody] * (numbers[-1] + 1 if numbers else 0)
            for number in numbers:
                by_class[number] = told[number][news].append
            appends.append(by_class)
        for number in members(self.mask):
            viewers = digits_of(sees[number] & classes)
            for news, encoded in self.by_class[number]:
                for append in compress(appends[news], viewers):
                    append(encoded)
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
        return _run(news, node.id, node.id)


def _run(news: int, first: int, last: int) -> _Run:
    return _Run(news, b"[%d,%d]" % (first, last))


def presence_bodies(comparison: Comparison, local: IdSet) -> dict[bytes, list[int]]:
    """The bodies for agents, of a change that is presence alone."""
    state = comparison.after
    policy = state.policy
    news = _News(state, comparison.touch.nodes)
    apart = (comparison.touched | _mates(comparison)) & local
    singles = local & state.blocks.singles(state).ids
    found: dict[bytes, list[int]] = {}
    for row, by_rows in _by_row(state, singles).items():
        _tell(comparison, news, news.seen(row), by_rows, apart, found)
    plain = local - singles
    listening = {number: mine for number, every in enumerate(policy.classes.members) if (mine := plain & every)}
    told = news.seen_by(policy.reach.sees, large_mask_of(listening, len(policy.classes.members)))
    for number, mine in listening.items():
        _tell(comparison, news, told[number], mine, apart, found)
    return found


def _by_row(state: State, singles: IdSet) -> dict[int, IdSet]:
    """Agents that some rule tells from others, by the classes that they see."""
    found: dict[int, list[int]] = {}
    for node_id in singles:
        found.setdefault(state.policy.row(state.policy.shape(node_id)), []).append(node_id)
    return {row: id_set(state, ids) for row, ids in found.items()}


def _tell(
    comparison: Comparison, news: _News, told: Told, node_ids: IdSet, apart: IdSet, found: dict[bytes, list[int]]
) -> None:
    """Adds the bodies of agents that see the same classes: one for all but those of ``apart``."""
    presence = news.member(told)
    alone = node_ids & apart
    together = node_ids - alone if alone else node_ids
    if presence is not None and together:
        found.setdefault(b'"presence":' + presence, []).extend(together)
    for node_id in alone:
        body = _single_body(comparison, news, told, presence, node_id)
        if body is not None:
            found.setdefault(body, []).append(node_id)


def _mates(comparison: Comparison) -> IdSet:
    """The devices of the owners of those that something happened to, where those may see each other in their own way."""
    policy = comparison.after.policy
    if not policy.sides.self_lines:
        return id_set(comparison.after)
    owners = {policy.owner_of(node_id) for node_id in comparison.touch.nodes} - {None}
    return id_set(comparison.after, [device for owner in owners for device in policy.world.of(owner)])


def _single_body(
    comparison: Comparison, news: _News, told: Told, presence: bytes | None, node_id: int
) -> bytes | None:
    """The body of a node that something happened to, or to a device of its owner's; others of its class are ``told``
    of ``presence``."""
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
        own = [list(ids) for ids in told]
        for number, encoded in more:
            own[number].append(encoded)
        presence = news.member(own)
    parts: dict[str, bytes] = {} if presence is None else {"presence": presence}
    if node_id in comparison.touch.nodes:
        parts |= own_members(comparison.before, state, node_id)
    return join_object(parts) if parts else None


def _nobody(_: bytes) -> None:
    """Stands where no agent listens."""
