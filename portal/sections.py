"""The cards of an object's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from portal.html import EMPTY


@dataclass(frozen=True, slots=True)
class Section:
    """One card: facts as label and value, or lines, or a template of its own. ``span`` is its share of 12 columns.

    ``ident`` and ``refresh`` (kinds of events) make it live; ``note`` stands at the right of its title.
    """

    title: str
    facts: Sequence[tuple[str, Any]] = ()
    lines: Sequence[Any] = ()
    template: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    span: int = 6
    count: int | None = None
    link: tuple[str, str] | None = None
    empty: str = ""
    ident: str = ""
    refresh: str = ""
    note: Any = ""


def facts(*pairs: tuple[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Facts with a dash for what is empty."""
    return tuple((label, EMPTY if value in (None, "", []) else value) for label, value in pairs)
