"""The heat map of the network as it is: who may do what to whom, and the rules that say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from coordinator.policy.graph import live_grapher, principal_name, principals_words
from mesh.errors import NotFoundError
from mesh.explain.heat import Axis, Decider, HeatCell, HeatKey, HeatMap, HeatRow
from mesh.explain.tally import Cell
from mesh.topology import Topology

SHOWN: Final = 24
"""How many rows and columns there are at most, unless the caller wants another number."""


@dataclass(frozen=True, slots=True)
class NamedRow:
    """A row and column. ``kind`` and ``name`` as people write them (``group``, ``eng``); ``about`` says whose nodes a
    class holds; ``key`` is how addresses name it."""

    row: HeatRow
    kind: str
    name: str
    about: str
    key: str

    @property
    def words(self) -> str:
        """As policies write it, ``group:eng``; ``class 12`` for a class."""
        return f"{self.kind} {self.name}" if self.kind == "class" else f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class LiveHeat:
    """The rows that are shown, cells between them by index (from, to) that are not empty, how many more rows match
    (``left_out``), and how many pairs of nodes see each other, of how many."""

    axis: Axis
    rows: tuple[NamedRow, ...]
    cells: Mapping[Cell, HeatCell]
    left_out: int
    seen: int
    pairs: int


@dataclass(frozen=True, slots=True)
class CellRules:
    """Why a cell is as it is: the rules in force that speak of its pairs, and one pair to ask about."""

    source: NamedRow
    target: NamedRow
    cell: HeatCell
    deciders: tuple[Decider, ...]
    example: tuple[str, str] | None


def live_heat(*, network_id: int, axis: Axis, words: str = "", limit: int = SHOWN) -> LiveHeat:
    """The heat map along an axis: of the rows whose name contains ``words`` the ``limit`` with the most nodes.

    Raises NotFoundError.
    """
    state, grapher = live_grapher(network_id)
    heat = HeatMap(grapher, axis)
    wanted = words.lower().split()
    every = (_named(row, state.topology) for row in heat.rows)
    rows = [named for named in every if all(word in _text(named) for word in wanted)]
    kept = {named.key for named in sorted(rows, key=lambda named: -named.row.nodes)[:limit]}
    shown = tuple(named for named in rows if named.key in kept)
    cells = heat.cells([named.row for named in shown])
    return LiveHeat(axis, shown, cells, len(rows) - len(shown), *heat.seen())


def cell_rules(*, network_id: int, axis: Axis, source: str, target: str) -> CellRules:
    """The rules that decide the cell from one row to another, each by its written key. Raises NotFoundError."""
    state, grapher = live_grapher(network_id)
    heat = HeatMap(grapher, axis)
    named = {_key(row.key): row for row in heat.rows}
    if source not in named or target not in named:
        raise NotFoundError("There is no such row now.")
    one, other = named[source], named[target]
    deciders, cell = heat.deciders(one, other)
    pair = heat.example(one, other)
    names = None
    if pair is not None:
        records = [state.topology.nodes.get(ident) for ident in pair]
        found = [record.name for record in records if record is not None]
        names = (found[0], found[1]) if len(found) == 2 else None
    return CellRules(_named(one, state.topology), _named(other, state.topology), cell, deciders, names)


def _text(named: NamedRow) -> str:
    return f"{named.words} {named.about}".lower()


def _key(key: HeatKey) -> str:
    kind, name = key
    return str(name) if kind == "tag" else f"{kind}:{name}"


def _named(row: HeatRow, topology: Topology) -> NamedRow:
    kind, name = row.key
    shown, about = str(name).removeprefix("tag:"), ""
    if kind == "user":
        shown = principal_name(int(name), topology)
        user = topology.users.get(int(name))
        about = user.display_name if user is not None else ""
    elif kind == "class":
        about = principals_words(row.principals, topology)
    return NamedRow(row, kind, shown, about, _key(row.key))
