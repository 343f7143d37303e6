"""Events as a file: CSV that no spreadsheet takes for formulas, or JSON lines. Written as read, page by page."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from coordinator.events.entry import Cursor, Wanted
from coordinator.events.search import search_events
from coordinator.events.telling import COLUMNS, event_values

BATCH: Final = 500
# With these a spreadsheet begins a formula, also behind blanks; the last four are their wide forms.
_FORMULA: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_BLANK: Final = "\t\r\n"


class Form(StrEnum):
    """How a file is written."""

    CSV = "csv"
    JSONL = "jsonl"


CONTENT_TYPES: Final = {Form.CSV: "text/csv; charset=utf-8", Form.JSONL: "application/jsonl; charset=utf-8"}


def export_events(wanted: Wanted, form: Form) -> Iterator[str]:
    """The file of all events that ``wanted`` describes, in pieces of ``BATCH`` events at most."""
    if form is Form.CSV:
        yield _csv([COLUMNS])
    after: Cursor | None = Cursor()
    while after is not None:
        page = search_events(wanted, after, limit=BATCH)
        if page.events:
            values = event_values(page.events)
            yield _csv(map(_cells, values)) if form is Form.CSV else "".join(map(_json, values))
        after = page.after


def safe_cell(text: str) -> str:
    """``text`` so that no spreadsheet calculates with it: a quote in front of what could begin a formula."""
    if text.lstrip(" ").startswith(_FORMULA) or text[:1] in tuple(_BLANK):
        return f"'{text}"
    return text


def _cells(value: Mapping[str, Any]) -> list[str]:
    return [_cell(value[column]) for column in COLUMNS]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, list):
        return safe_cell(" ".join(str(item) for item in value))
    return str(value) if isinstance(value, int) else safe_cell(str(value))


def _csv(rows: Any) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _json(value: Mapping[str, Any]) -> str:
    plain = {
        name: item.astimezone(UTC).isoformat() if isinstance(item, datetime) else item for name, item in value.items()
    }
    return json.dumps(plain, ensure_ascii=False) + "\n"
