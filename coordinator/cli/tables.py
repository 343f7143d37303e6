"""Results for people: tables that fit the terminal, and plain wide columns where the output goes elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any, Final, TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from coordinator.cli.results import Card, Cell, Column, Done, Listing, Result, Secret, Word
from coordinator.cli.text import clean

WIDE: Final = 120
"""Terminals from this width on show the columns that are not needed at 80."""

_GAP: Final = "  "
_LEAST: Final = 8


def write(result: Result, stream: TextIO) -> None:
    """Write a result for people: with colours and within the width at a terminal, plainly and in full elsewhere."""
    if stream.isatty():
        _write_rich(result, stream)
    else:
        stream.write(_plain(result))


def _write_rich(result: Result, stream: TextIO) -> None:
    width = shutil.get_terminal_size().columns
    console = Console(file=stream, force_terminal=True, width=width, highlight=False, markup=False, emoji=False)
    match result:
        case Listing() if not result.values:
            console.print(Text(result.empty, style="dim"))
        case Listing():
            console.print(_table(result, width, glyphs=_has_glyphs(console)))
        case Card():
            console.print(_card(result, glyphs=_has_glyphs(console)))
            for title, listing in result.lists:
                console.print()
                console.print(Text(title, style="bold cyan"))
                empty = Text(listing.empty, style="dim")
                console.print(_table(listing, width, glyphs=_has_glyphs(console)) if listing.values else empty)
        case Done():
            console.print(Text(clean(result.text)))
        case Secret():
            # Never wrapped: what is shown here is copied.
            stream.write(_plain(result))


def _has_glyphs(console: Console) -> bool:
    return "utf" in console.encoding.lower()


def _table(listing: Listing, width: int, *, glyphs: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    columns = [column for column in listing.columns if not column.wide or width >= WIDE]
    cells = [[_styled(column.cell(value), glyphs=glyphs) for column in columns] for value in listing.values]
    longest = [max(cell_len(columns[i].title), *(row[i].cell_len for row in cells)) for i in range(len(columns))]
    for column, fitted in zip(columns, _fit(columns, longest, width), strict=True):
        justify: JustifyMethod = "right" if column.right else "left"
        table.add_column(column.title, justify=justify, no_wrap=True, overflow="ellipsis", width=fitted)
    for row in cells:
        table.add_row(*row)
    return table


def _fit(columns: Sequence[Column], longest: Sequence[int], width: int) -> list[int]:
    """Widths that fit: what is too wide is taken from the widest column that may be shortened, again and again.

    (rich takes it from all columns alike, and an address or a time that lost its end says nothing.)
    """
    widths = list(longest)
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    while excess > 0:
        index = max((i for i, column in enumerate(columns) if not column.keep), key=widths.__getitem__, default=None)
        if index is None or widths[index] <= _LEAST:
            break
        widths[index] -= 1
        excess -= 1
    return widths


def _card(card: Card, *, glyphs: bool) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, cell in card.fields:
        grid.add_row(label, _styled(cell, glyphs=glyphs))
    return grid


def _styled(cell: Cell, *, glyphs: bool) -> Text:
    if isinstance(cell, Word):
        return Text(f"{cell.glyph} {cell.text}" if glyphs and cell.glyph else cell.text, style=cell.style)
    return Text(clean(cell))


def _plain(result: Result) -> str:
    match result:
        case Listing():
            return _plain_list(result.values, result.columns) if result.values else f"{result.empty}\n"
        case Card():
            parts = [_aligned([(f"{label}:", _bare(cell)) for label, cell in result.fields])]
            for title, listing in result.lists:
                body = _plain_list(listing.values, listing.columns) if listing.values else f"{listing.empty}\n"
                parts.append(f"{title}\n{body}")
            return "\n".join(parts)
        case Done():
            return f"{clean(result.text)}\n"
        case Secret():
            head = f"{clean(result.text)}\n\n{_aligned(list(result.fields), indent='  ')}"
            return head + "".join(f"\n{line}\n" for line in result.lines)


def _plain_list(values: Sequence[Any], columns: Sequence[Column]) -> str:
    rows = [[column.title.upper() for column in columns]]
    rows += [[_bare(column.cell(value)) for column in columns] for value in values]
    widths = [max(cell_len(row[index]) for row in rows) for index in range(len(columns))]
    lines = []
    for row in rows:
        padded = []
        for text, width, column in zip(row, widths, columns, strict=True):
            gap = " " * (width - cell_len(text))
            padded.append(gap + text if column.right else text + gap)
        lines.append(_GAP.join(padded).rstrip())
    return "\n".join(lines) + "\n"


def _aligned(pairs: Sequence[tuple[str, str]], *, indent: str = "") -> str:
    width = max(cell_len(label) for label, _ in pairs)
    return "".join(f"{indent}{label}{' ' * (width - cell_len(label))}  {text}".rstrip() + "\n" for label, text in pairs)


def _bare(cell: Cell) -> str:
    return clean(cell.text if isinstance(cell, Word) else cell)
