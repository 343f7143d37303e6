"""How long a list is, without counting all of it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.db.models import QuerySet

EXACTLY: Final = 10_000
"""Up to so many rows are counted one by one."""


@dataclass(frozen=True, slots=True)
class Length:
    """How many rows there are. Not ``exact``: as the database's planner thinks, to two figures."""

    rows: int
    exact: bool = True

    def __str__(self) -> str:
        return f"{self.rows:,}" if self.exact else f"about {self.rows:,}"


def length_of(rows: QuerySet[Any], *, exactly: int = EXACTLY) -> Length:
    """The length of a list: exact up to ``exactly`` rows, beyond that as the planner estimates it.

    SQLite has no such estimates, and is for small networks: there all rows are counted.
    """
    bare = rows.order_by().select_related(None).prefetch_related(None)
    if connection.vendor != "postgresql":
        return Length(bare.count())
    counted = bare.values("pk")[: exactly + 1].count()
    if counted <= exactly:
        return Length(counted)
    return Length(max(_rounded(_planned(bare)), exactly), exact=False)


def _planned(rows: QuerySet[Any]) -> int:
    """How many rows the planner expects: at least as current as the last ANALYZE, which autovacuum runs."""
    plan = json.loads(rows.values("pk").explain(format="json"))
    return int(plan[0]["Plan"]["Plan Rows"])


def _rounded(number: int) -> int:
    """To two figures: more would look like knowledge."""
    if number < 100:
        return number
    step = 10 ** (int(math.log10(number)) - 1)
    return int(round(number / step) * step)
