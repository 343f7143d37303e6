"""Lists in pages by key: a page costs the same at the end of the list as at its beginning, and nothing is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from coordinator.admin_api.fields import LAST_ID, QueryNumberField, StrictSerializer, TextField
from mesh.errors import FieldError, ValidationError
from nodes.keyset import Order, read_cursor, stretch

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 500

Row = TypeVar("Row", bound=Model)


class NoQuery(StrictSerializer):
    """Of calls that take no query."""


class NetworkQuery(StrictSerializer):
    """Of calls within one network."""

    network = TextField(
        required=False, max_length=64, help_text="The name of the network; not needed where there is only one."
    )


class ListQuery(StrictSerializer):
    """Of every list."""

    limit = QueryNumberField(
        required=False,
        min_value=1,
        max_value=MAX_LIMIT,
        help_text=f"How many at most; {DEFAULT_LIMIT} where nothing is said.",
    )
    after = QueryNumberField(
        required=False, min_value=0, max_value=LAST_ID, help_text="Where the page before ended: follow `next`."
    )


class NetworkListQuery(NetworkQuery, ListQuery):
    """Of every list within one network."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """The rows of one page, and the ``after`` or, in an order of the caller's choice, the ``cursor`` of the next one;
    None at the end of the list."""

    rows: list[Row]
    after: int | None
    cursor: str | None = None


def page_of(rows: QuerySet[Row], query: Mapping[str, Any], *, key: str = "pk", descending: bool = False) -> Page[Row]:
    """The page of ``rows`` that a checked ``query`` asks for, in the order of ``key``, a unique whole number.

    Rows that come or go meanwhile make no other row appear twice or not at all.
    """
    limit = query.get("limit", DEFAULT_LIMIT)
    after = query.get("after")
    if after is not None:
        rows = rows.filter(**{f"{key}__{'lt' if descending else 'gt'}": after})
    found = list(rows.order_by(f"-{key}" if descending else key)[: limit + 1])
    if len(found) <= limit:
        return Page(found, None)
    return Page(found[:limit], int(getattr(found[limit - 1], key)))


def ordered_page_of(
    rows: QuerySet[Row], query: Mapping[str, Any], order: Order, *, details: QuerySet[Row] | None = None
) -> Page[Row]:
    """The page of ``rows`` in an ``order`` that a checked ``query`` asks for by ``cursor``. ``details``: the rows with
    all that is shown of them.

    Raises ValidationError for a cursor of another list.
    """
    try:
        after = read_cursor(query["cursor"]) if "cursor" in query else None
        found = stretch(rows, order, size=query.get("limit", DEFAULT_LIMIT), after=after, details=details)
    except ValidationError as error:
        raise ValidationError(error.detail, errors=(FieldError("cursor", error.detail),)) from error
    return Page(found.rows, None, None if found.after is None else found.after.cursor())


def next_url(request: Request, page: Page[Any]) -> str | None:
    """The address of the next page: this one with another ``after`` or ``cursor``."""
    where: dict[str, Any] = {"after": page.after} if page.after is not None else {"cursor": page.cursor}
    if None in where.values():
        return None
    kept = {name: value for name, value in request.query_params.items() if name not in ("after", "cursor")}
    return str(request.build_absolute_uri(f"{request.path}?{urlencode({**kept, **where})}"))


@cache
def page_serializer(item: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    """The shape of a page of ``item``."""
    members: dict[str, Any] = {
        "results": item(many=True),
        "next": serializers.URLField(allow_null=True, help_text="The next page; null at the end of the list."),
        "__doc__": "One page of a list.",
    }
    return type(f"{item.__name__}Page", (serializers.Serializer,), members)
