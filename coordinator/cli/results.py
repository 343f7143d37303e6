"""What a verb gives back. Each holds the values for programs and how people see the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Value = Mapping[str, Any]
"""One thing as programs get it: texts, numbers, booleans, None, datetimes, and lists and mappings of them."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of status: at a terminal it has a colour and a glyph, elsewhere it is the word alone."""

    text: str
    style: str
    glyph: str = ""


Cell = str | Word


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list. ``keep``: never shortened. ``wide``: shown only where there is room."""

    title: str
    cell: Callable[[Any], Cell]
    keep: bool = False
    wide: bool = False
    right: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """Several things of a kind. ``empty`` is said to people when there is none."""

    values: Sequence[Value]
    columns: Sequence[Column]
    empty: str


@dataclass(frozen=True, slots=True)
class Card:
    """One thing, whole: named fields, then lists with a title each."""

    value: Value
    fields: Sequence[tuple[str, Cell]]
    lists: Sequence[tuple[str, Listing]] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """An act that succeeded, in a sentence."""

    text: str
    value: Value


@dataclass(frozen=True, slots=True)
class Secret:
    """Something new with a secret that is shown this once. ``lines`` come last, never wrapped: they are copied."""

    value: Value
    text: str
    fields: Sequence[tuple[str, str]]
    lines: Sequence[str] = ()


Result = Listing | Card | Done | Secret
