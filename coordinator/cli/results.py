"""What a verb gives back: what people see of it, and the same for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rest_framework.serializers import Serializer

Shape = Callable[[Any], Mapping[str, Any]]
"""Makes a value what programs get: texts, numbers, booleans, None, instants, and lists and mappings of them."""


def as_it_is(value: Any) -> Mapping[str, Any]:
    """The shape of a value that is such a mapping already."""
    found: Mapping[str, Any] = value
    return found


def shaped_by(serializer: type[Serializer[Any]]) -> Shape:
    """The shape that the administration API gives the same thing: programs learn one."""
    return lambda value: serializer(value).data


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

    values: Sequence[Any]
    columns: Sequence[Column]
    empty: str
    shape: Shape = as_it_is


@dataclass(frozen=True, slots=True)
class Card:
    """One thing, whole: named fields, then lists with a title each."""

    value: Any
    fields: Sequence[tuple[str, Cell]]
    lists: Sequence[tuple[str, Listing]] = ()
    shape: Shape = as_it_is


@dataclass(frozen=True, slots=True)
class Done:
    """An act that succeeded, in a sentence."""

    text: str
    value: Any
    shape: Shape = as_it_is


@dataclass(frozen=True, slots=True)
class Secret:
    """Something new with a secret that is shown this once. ``lines`` come last, never wrapped: they are copied."""

    value: Mapping[str, Any]
    text: str
    fields: Sequence[tuple[str, str]]
    lines: Sequence[str] = ()
    shape: Shape = as_it_is


Result = Listing | Card | Done | Secret
