"""The graph as a table: one row an edge, the same edges, nothing added and nothing left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from coordinator.policy.graph import LiveGraph
from coordinator.policy.words import brief, entries
from mesh.explain.flows import Flow
from mesh.explain.graph import GraphEdge
from portal.flow_times import when_of

PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Way:
    """One direction of an edge: ``of`` says how many pairs where it is not all, ``wider`` how many may more.

    ``when`` is one of ``portal.flow_times``.
    """

    words: str
    title: str
    of: str
    wider: int
    when: str


@dataclass(frozen=True, slots=True)
class Row:
    """One edge, from ``one`` to ``other`` where only one of them reaches the other. Within one group ``other`` is
    empty, and both ways are one."""

    one: str
    other: str
    pairs: int
    passing: int
    later: int
    there: Way | None
    back: Way | None


@dataclass(frozen=True, slots=True)
class Table:
    """One page of the rows that match ``words``: ``total`` of them, of ``edges`` in all."""

    rows: Sequence[Row]
    words: str
    total: int
    edges: int
    page: int
    pages: int

    @property
    def first(self) -> int:
        """The number of the first row shown."""
        return (self.page - 1) * PAGE + 1 if self.rows else 0

    @property
    def last(self) -> int:
        """The number of the last."""
        return (self.page - 1) * PAGE + len(self.rows)


def table_of(found: LiveGraph, words: str, page: str) -> Table:
    """The edges with the most pairs first. ``words``: what the name of either group contains, all of them."""
    names = [_name(found, index) for index in range(len(found.graph.groups))]
    wanted = words.lower().split()
    edges = [
        edge
        for edge in found.graph.edges
        if all(word in names[edge.one].lower() or word in names[edge.other].lower() for word in wanted)
    ]
    edges.sort(key=lambda edge: (-edge.pairs, -edge.later, names[edge.one], names[edge.other]))
    pages = max(1, -(-len(edges) // PAGE))
    number = min(max(int(page), 1), pages) if page.isascii() and page.isdigit() and len(page) < 9 else 1
    shown = edges[(number - 1) * PAGE : number * PAGE]
    rows = [
        _row(edge, there, back, names, found)
        for edge, (there, back) in zip(shown, found.graph.flows(shown), strict=True)
    ]
    return Table(rows, words.strip(), len(edges), len(found.graph.edges), number, pages)


def _name(found: LiveGraph, index: int) -> str:
    group = found.graph.groups[index]
    name = found.name(group)
    return f"{name} ({found.about(group)})" if isinstance(group.key, tuple) else name


def _row(edge: GraphEdge, there: Flow, back: Flow, names: list[str], found: LiveGraph) -> Row:
    sizes = [len(found.graph.groups[index].ids) for index in (edge.one, edge.other)]
    inner = edge.one == edge.other
    possible = sizes[0] * (sizes[0] - 1) if inner else sizes[0] * sizes[1]
    ways = _way(there, possible), _way(back, possible)
    ends = names[edge.one], "" if inner else names[edge.other]
    if ways[0] is None:
        ways, ends = ways[::-1], ends[::-1]
    return Row(*ends, edge.pairs, edge.passing, edge.later, *ways)


def _way(flow: Flow, possible: int) -> Way | None:
    if not flow.pairs and not flow.later:
        return None
    pairs, services = (flow.pairs, flow.services) if flow.pairs else (flow.later, flow.opens)
    return Way(
        brief(services) or "differs",
        ", ".join(entries(services)) or "The pairs have no port in common.",
        "" if pairs == possible else f"{pairs} of {possible}",
        flow.wider if flow.services else 0,
        when_of(flow),
    )
