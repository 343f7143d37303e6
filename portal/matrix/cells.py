"""Cells of the heat map in words and shades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from coordinator.policy.heat import LiveHeat, NamedRow
from coordinator.policy.words import brief, entries, heat
from mesh.explain.flows import Flow
from mesh.explain.heat import HeatCell
from portal import html

DIFFERS: Final = "differs"
"""In place of ports: each pair may do something, and no two the same."""


@dataclass(frozen=True, slots=True)
class ShownCell:
    """A cell as it is drawn: ``kind`` is none, open, denied or self (nobody but the node itself)."""

    source: NamedRow
    target: NamedRow
    kind: str
    shade: int = 0
    words: str = ""
    below: str = ""
    at_times: bool = False
    title: str = ""
    url: str = ""
    current: bool = False


def shown_cell(source: NamedRow, target: NamedRow, cell: HeatCell | None, *, possible: int) -> ShownCell:
    """One cell; ``possible`` is how many pairs there are where ``cell`` is None."""
    said = f"{source.words} to {target.words}"
    if cell is None:
        kind = "none" if possible else "self"
        return ShownCell(source, target, kind, title=f"{said}: {'nothing' if possible else 'one node alone'}")
    if cell.denied:
        return ShownCell(source, target, "denied", title=f"{said}: denied by a rule")
    return ShownCell(
        source,
        target,
        "open",
        heat(cell.flow, cell.possible),
        words_of(cell.flow),
        below_of(cell.flow, cell.possible),
        at_times(cell.flow),
        f"{said}: {sentence(cell.flow, cell.possible)}",
    )


def words_of(flow: Flow) -> str:
    """What every pair may do, in the width of a cell: ports are TCP's where nothing else is said."""
    return brief(flow.services).removeprefix("tcp/") or DIFFERS


def below_of(flow: Flow, possible: int) -> str:
    """The second line: ``4/24`` where only some pairs may do anything, else ``6 wider`` where some may more."""
    if flow.pairs != possible:
        return f"{flow.pairs}/{possible}"
    return f"{flow.wider} wider" if flow.wider and flow.services else ""


def at_times(flow: Flow) -> bool:
    """Whether what the cell says holds at certain times alone, for some of its pairs."""
    return flow.at_times or flow.passing > 0


def sentence(flow: Flow, possible: int) -> str:
    """All of it."""
    what = ", ".join(entries(flow.services)) if flow.services else "something, but not all the same"
    if brief(flow.services) == "all":
        what = "everything"
    pairs = f"all {html.many(possible, 'pair')}" if flow.pairs == possible else f"{flow.pairs} of {possible} pairs"
    wider = f", {flow.wider} may more" if flow.wider and flow.services else ""
    return f"{what}, {pairs}{wider}{', at certain times' if at_times(flow) else ''}"


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
