"""Pages of a list in any order: a page begins behind a row, not behind a number of rows.

So a page costs the same wherever it is, and rows that come or go meanwhile move no other row from one page to another.
A place in a list is written as a *cursor*: the values of the order's keys at a row, which stand in the page's address.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from django.core.exceptions import ValidationError as FieldValueError
from django.db import connection
from django.db.models import F, Model, Q, QuerySet
from django.db.models.expressions import Combinable, OrderBy

from mesh.errors import ValidationError

Row = TypeVar("Row", bound=Model)
Order = Sequence[str | Combinable]
"""What ``QuerySet.order_by`` takes. The last one must tell any two rows apart."""

LONGEST: Final = 2000
"""Characters of a cursor: names are much shorter."""
_INSTANT: Final = "@"


@dataclass(frozen=True, slots=True)
class Place:
    """A row by its keys. ``position``: how many rows stood before the page that begins there; for people alone."""

    keys: tuple[Any, ...]
    position: int = 0

    def cursor(self) -> str:
        """As it is written in addresses."""
        values = [f"{_INSTANT}{key.isoformat()}" if isinstance(key, datetime) else key for key in self.keys]
        text = json.dumps([self.position, *values], separators=(",", ":"), ensure_ascii=False)
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Stretch(Generic[Row]):
    """A page: its rows, how many stand before it, and the places where the pages around it begin; None at the ends.

    ``position`` None: it is not known, counted from the end of a list whose length is none. ``start``: the place
    behind which the page begins, however it was reached; None at the beginning.
    """

    rows: list[Row]
    position: int | None
    before: Place | None
    after: Place | None
    start: Place | None = None


@dataclass(frozen=True, slots=True)
class _Key:
    name: str
    expression: Combinable
    descending: bool

    def ordered(self, *, backwards: bool) -> OrderBy:
        """As PostgreSQL orders by itself: what is empty comes last, and first in reverse."""
        down = self.descending is not backwards
        if connection.vendor == "postgresql":
            return OrderBy(F(self.name), descending=down)
        return OrderBy(
            F(self.name), descending=down, nulls_first=True if down else None, nulls_last=None if down else True
        )

    def beyond(self, value: Any, *, backwards: bool) -> Q | None:
        """Rows that come behind those with ``value``; None: there are none."""
        if self.descending is not backwards:
            return Q(**{f"{self.name}__isnull": False}) if value is None else Q(**{f"{self.name}__lt": value})
        if value is None:
            return None
        return Q(**{f"{self.name}__gt": value}) | Q(**{f"{self.name}__isnull": True})

    def equal(self, value: Any) -> Q:
        return Q(**{f"{self.name}__isnull": True}) if value is None else Q(**{self.name: value})


def read_cursor(text: str) -> Place:
    """The place that a cursor names. Raises ValidationError."""
    try:
        if len(text) > LONGEST:
            raise ValueError("too long")
        position, *values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        keys = tuple(_read(value) for value in values)
    except (ValueError, TypeError, binascii.Error) as error:
        raise ValidationError("This is no cursor of a list.") from error
    if not isinstance(position, int) or not 0 <= position < 2**53:
        raise ValidationError("This is no cursor of a list.")
    return Place(keys, position)


def _read(value: Any) -> Any:
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("no text")
        return datetime.fromisoformat(value[1:]) if value.startswith(_INSTANT) else value
    if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) < 2**63):
        return value
    if isinstance(value, float):
        return value
    raise ValueError("no key")


def stretch(
    rows: QuerySet[Row],
    order: Order,
    *,
    size: int,
    after: Place | None = None,
    before: Place | None = None,
    from_end: bool = False,
    details: QuerySet[Row] | None = None,
    total: int | None = None,
) -> Stretch[Row]:
    """The page of ``rows`` in ``order`` that begins behind ``after``, or ends at ``before``, or at the end of the list.

    Only ids and keys are read of what has to be sorted; the page's rows come from ``details``, which may join and
    prefetch. ``total``: the length of the list where that is known. Raises ValidationError for a place that is none of
    this order.
    """
    keys = [_key(number, item) for number, item in enumerate(order)]
    found = rows.select_related(None).prefetch_related(None).annotate(**{key.name: key.expression for key in keys})
    backwards = from_end or before is not None
    start = before if backwards else after
    if start is not None:
        found = found.filter(_beyond(found, keys, start, backwards=backwards))
    found = found.order_by(*(key.ordered(backwards=backwards) for key in keys))
    read = list(found.values_list("pk", *(key.name for key in keys))[: size + 1])
    more, extra, read = len(read) > size, read[size:], read[:size]
    if backwards:
        read.reverse()
    position = _position(len(read), start, total, from_end=from_end, backwards=backwards, more=more)
    by_id = (rows if details is None else details).order_by().in_bulk([item[0] for item in read])
    page = [by_id[item[0]] for item in read if item[0] in by_id]
    has_before, has_after = (more, start is not None) if backwards else (start is not None, more)
    begin = Place(tuple(read[0][1:]), position or 0) if read and has_before else None
    end = Place(tuple(read[-1][1:]), (position or 0) + len(read)) if read and has_after else None
    origin = Place(tuple(extra[0][1:]), position or 0) if backwards and extra else None if backwards else start
    return Stretch(page, position, begin, end, origin)


def _position(
    count: int, start: Place | None, total: int | None, *, from_end: bool, backwards: bool, more: bool
) -> int | None:
    if backwards and not more:
        return 0  # the list begins here, whatever was thought
    if from_end:
        return None if total is None else max(total - count, 0)
    if start is None:
        return 0
    return max(start.position - count, 0) if backwards else start.position


def _key(number: int, item: str | Combinable) -> _Key:
    name = f"gw_key{number}"
    if isinstance(item, str):
        return _Key(name, F(item.lstrip("-")), item.startswith("-"))
    if isinstance(item, OrderBy):
        return _Key(name, item.expression, bool(item.descending))
    return _Key(name, item, False)


def _beyond(rows: QuerySet[Any], keys: Sequence[_Key], place: Place, *, backwards: bool) -> Q:
    """The rows behind a place: those behind it by the first key, or equal by that and behind it by the second..."""
    values = _checked(rows, keys, place)
    found = Q(pk__in=())
    equal = Q()
    for key, value in zip(keys, values, strict=True):
        beyond = key.beyond(value, backwards=backwards)
        if beyond is not None:
            found |= equal & beyond
        equal &= key.equal(value)
    # Said once more in one condition, which an index of the first key can answer.
    first, value = keys[0], values[0]
    if value is not None and len(keys) > 1:
        down = first.descending is not backwards
        at = Q(**{f"{first.name}__{'lte' if down else 'gte'}": value})
        found &= at if down else at | Q(**{f"{first.name}__isnull": True})
    return found


def _checked(rows: QuerySet[Any], keys: Sequence[_Key], place: Place) -> list[Any]:
    """The place's values as the columns of this order take them."""
    if len(place.keys) != len(keys):
        raise ValidationError("This place is none of this list.")
    fields = [rows.query.annotations[key.name].output_field for key in keys]
    try:
        return [None if v is None else field.to_python(v) for field, v in zip(fields, place.keys, strict=True)]
    except (FieldValueError, ValueError, TypeError, OverflowError) as error:
        raise ValidationError("This place is none of this list.") from error
