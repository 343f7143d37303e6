"""Cells of the heat map in words and shades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from coordinator.policy.heat import LiveHeat, NamedRow
from coordinator.policy.words import brief, entries, heat
from mesh.explain.flows import Flow
from mesh.explain.heat import HeatCell
from mesh.explain.openings import Services
from portal import html
from portal.flow_times import when_of

DIFFERS: Final = "differs"
"""In place of ports: each pair may do something, and no two the same."""


@dataclass(frozen=True, slots=True)
class ShownCell:
    """A cell as it is drawn: ``kind`` is none, open, later (nothing now), denied or self (nobody but the node itself).

    ``mark`` is its corner, one of ``portal.flow_times``.
    """

    source: NamedRow
    target: NamedRow
    kind: str
    shade: int = 0
    words: str = ""
    below: str = ""
    mark: str = ""
    title: str = ""
    url: str = ""
    current: bool = False


def shown_cell(source: NamedRow, target: NamedRow, cell: HeatCell | None, *, possible: int) -> ShownCell:
    """One cell; ``possible`` is how many pairs there are where ``cell`` is None."""
    said = f"{source.words} to {target.words}"
    if cell is None:
        kind = "none" if possible else "self"
        return ShownCell(source, target, kind, title=f"{said}: {'nothing' if possible else 'one node alone'}")
    flow, mark = cell.flow, when_of(cell.flow)
    if cell.denied:
        then = f", at other times {later_sentence(flow, cell.possible)}" if flow.later else ""
        return ShownCell(source, target, "denied", mark=mark, title=f"{said}: denied by a rule{then}")
    if not flow.pairs:
        title = f"{said}: nothing now, at other times {later_sentence(flow, cell.possible)}"
        below = "" if flow.later == cell.possible else f"{flow.later}/{cell.possible}"
        return ShownCell(source, target, "later", 0, words_of(flow.opens), below, mark, title)
    return ShownCell(
        source,
        target,
        "open",
        heat(flow, cell.possible),
        words_of(flow.services),
        below_of(flow, cell.possible),
        mark,
        f"{said}: {sentence(flow, cell.possible)}",
    )


def words_of(services: Services) -> str:
    """What every pair may do, in the width of a cell: ports are TCP's where nothing else is said."""
    return brief(services).removeprefix("tcp/") or DIFFERS


def below_of(flow: Flow, possible: int) -> str:
    """The second line: ``4/24`` where only some pairs may do anything, else ``6 wider`` where some may more."""
    if flow.pairs != possible:
        return f"{flow.pairs}/{possible}"
    return f"{flow.wider} wider" if flow.wider and flow.services else ""


def sentence(flow: Flow, possible: int) -> str:
    """All of it."""
    wider = f", {flow.wider} may more" if flow.wider and flow.services else ""
    times = ", at certain times" if when_of(flow) == "times" else ""
    grows = ", more at other times" if flow.later or flow.growing else ""
    return f"{_what(flow.services)}, {_pairs(flow.pairs, possible)}{wider}{times}{grows}"


def later_sentence(flow: Flow, possible: int) -> str:
    """What those may do at other times who may do nothing now."""
    return f"{_what(flow.opens)}, {_pairs(flow.later, possible)}"


def _what(services: Services) -> str:
    if brief(services) == "all":
        return "everything"
    return ", ".join(entries(services)) if services else "something, but not all the same"


def _pairs(pairs: int, possible: int) -> str:
    return f"all {html.many(possible, 'pair')}" if pairs == possible else f"{pairs} of {possible} pairs"


def possible_between(source: NamedRow, target: NamedRow) -> int:
    """Whether a cell that is empty has any pair: a row of one node has none with itself."""
    return 0 if source.key == target.key and source.row.nodes == 1 else 1


def grid_of(found: LiveHeat) -> list[list[ShownCell]]:
    """All cells, row by row."""
    return [
        [
            shown_cell(source, target, found.cells.get((i, j)), possible=possible_between(source, target))
            for j, target in enumerate(found.rows)
        ]
        for i, source in enumerate(found.rows)
    ]
