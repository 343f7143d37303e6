"""Pages of events, in bounded time however long the log is and whatever is asked.

Both tables are read backwards by id, which ascends with time. What a node did or was concerned by, and what somebody
did, an index finds. Where rows may have to be passed over, they are read in windows of ids that grow while they are
fast, until the page is full or the time for one page is over: then it says how far it looked, and the next page goes
on from there. So no other filter needs an index of its own on the log that every registration and every change of an
endpoint writes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from django.db import connection
from django.db.models import Max, Min, Q, QuerySet, TextField
from django.db.models.functions import Cast

from coordinator.events.entry import ACTORS, AUDIT_KINDS, CHANGE_KINDS, Cursor, Event, Page, Wanted
from nodes.models import Change
from nodes.selectors.about import about_nodes, is_exact, newest_about, node_ids_of
from sessions_app.models import AuditEntry

SECONDS: Final = 0.5
"""How long one page may look for rows that fit."""
FIRST_WINDOW: Final = 5_000
LARGEST_WINDOW: Final = 500_000
LARGEST_GATHERING: Final = 10_000
"""Changes about one node that are looked at together."""
FAST: Final = 0.08
"""Seconds in which a window must be read for the next one to be larger."""

Row = TypeVar("Row", Change, AuditEntry)


@dataclass(frozen=True, slots=True)
class _Found(Generic[Row]):
    """Rows of one table, newest first, and the id below which nothing was looked at; 0 at the end of the table."""

    rows: list[Row]
    reached: int
    full: bool


def search_events(
    wanted: Wanted, cursor: Cursor, *, limit: int, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic
) -> Page:
    """The page of at most ``limit`` events that ``wanted`` describes, beginning at ``cursor``."""
    until = clock() + seconds
    changes: _Found[Change] = _Found([], 0, False)
    entries: _Found[AuditEntry] = _Found([], 0, False)
    if wanted.kind not in ("access", *AUDIT_KINDS):
        changes = _read(_changes(wanted), cursor.change, wanted, limit=limit, until=until, clock=clock)
    if wanted.kind not in ("map", *CHANGE_KINDS) and wanted.node_id is None and wanted.network_id is None:
        entries = _read(_entries(wanted), cursor.audit, wanted, limit=limit, until=until, clock=clock)
    return _merged(changes, entries, limit)


def _merged(changes: _Found[Change], entries: _Found[AuditEntry], limit: int) -> Page:
    found = [Event(change=row) for row in changes.rows] + [Event(audit=row) for row in entries.rows]
    found.sort(key=lambda event: (event.at, event.row.pk), reverse=True)
    # Where one table was not read to its end, what is older than what was read of it waits for the next page.
    horizons = [
        at
        for each, model in ((changes, Change), (entries, AuditEntry))
        if each.reached and (at := _horizon(each, model)) is not None
    ]
    edge = max(horizons, default=None)
    page = [event for event in found if edge is None or event.at >= edge][:limit]
    below_changes = [event.change.pk for event in page if event.change is not None]
    below_entries = [event.audit.pk for event in page if event.audit is not None]
    rest = len(page) < len(found)
    after = Cursor(_below(below_changes, changes), _below(below_entries, entries))
    ended = not rest and not changes.reached and not entries.reached
    stopped = len(page) < limit and not ended
    return Page(page, None if ended else after, edge if stopped else None)


def _below(shown: list[int], found: _Found[Any]) -> int:
    """Where the next page begins in one table: below the last row shown, or where reading stopped."""
    if len(shown) == len(found.rows):
        return found.reached
    return min(shown) if shown else found.rows[0].pk + 1


def _horizon(found: _Found[Any], model: type[Any]) -> datetime | None:
    """The time of the oldest row that was looked at."""
    if found.full:
        oldest: datetime = found.rows[-1].created_at
        return oldest
    row = model.objects.filter(pk__gte=found.reached).order_by("pk").values_list("created_at", flat=True).first()
    return row if isinstance(row, datetime) else None


def _read(
    rows: QuerySet[Row],
    below: int | None,
    wanted: Wanted,
    *,
    limit: int,
    until: float,
    clock: Callable[[], float],
) -> _Found[Row]:
    model = rows.model
    ends = model._default_manager.aggregate(low=Min("pk"), high=Max("pk"))
    if ends["high"] is None or below == 0:
        return _Found([], 0, False)
    low, high = int(ends["low"]), int(ends["high"])
    top = high + 1 if below is None else min(below, high + 1)
    if wanted.until is not None:
        top = min(top, first_id_since(model, wanted.until, low, high))
    floor = low if wanted.since is None else max(low, first_id_since(model, wanted.since, low, high))
    if wanted.node_id is not None and is_exact():
        return _read_about(rows, (floor, top), wanted, limit=limit, until=until, clock=clock)
    found: list[Row] = []
    sifted = wanted.node_id is not None
    window = FIRST_WINDOW if wanted.narrows else LARGEST_WINDOW
    while top > floor:
        began = clock()
        bottom = max(floor, top - window)
        read = rows.filter(pk__gte=bottom, pk__lt=top).order_by("-pk")
        for row in read if sifted else read[: limit - len(found)]:
            if not sifted or _speaks_of(row, wanted.node_id):
                found.append(row)
            if len(found) == limit:
                return _Found(found, found[-1].pk if found[-1].pk > floor else 0, True)
        top = bottom
        now = clock()
        if now >= until and top > floor:
            return _Found(found, top, False)
        if now - began < FAST:
            window = min(window * 3, LARGEST_WINDOW)
    return _Found(found, 0, False)


def _read_about(
    rows: QuerySet[Row],
    between: tuple[int, int],
    wanted: Wanted,
    *,
    limit: int,
    until: float,
    clock: Callable[[], float],
) -> _Found[Row]:
    """Where an index finds what speaks of a node: so many of these as a page may need, more where few of them fit."""
    floor, top = between
    found: list[Row] = []
    many = limit + 1
    while top > floor and wanted.node_id is not None:
        ids = newest_about([wanted.node_id], low=floor, below=top, limit=many, network_id=wanted.network_id, made=True)
        found += rows.filter(pk__in=ids).order_by("-pk")[: limit - len(found)]
        ended = len(ids) < many
        if len(found) == limit:
            return _Found(found, 0 if ended and found[-1].pk == ids[-1] else found[-1].pk, True)
        if ended:
            break
        top, many = ids[-1], min(many * 4, LARGEST_GATHERING)
        if clock() >= until:
            return _Found(found, top, False)
    return _Found(found, 0, False)


_HALVING: Final = """
    WITH RECURSIVE halving (low, high) AS (
        SELECT CAST(%s AS bigint), CAST(%s AS bigint)
        UNION ALL
        SELECT
            CASE WHEN {made} < %s THEN (low + high) / 2 + 1 ELSE low END,
            CASE WHEN {made} < %s THEN high ELSE (low + high) / 2 - 1 END
        FROM halving WHERE low <= high
    ) SELECT max(low) FROM halving
"""
_MADE: Final = "(SELECT created_at FROM {table} WHERE id >= (low + high) / 2 ORDER BY id LIMIT 1)"


def first_id_since(model: type[Any], at: datetime, low: int, high: int) -> int:
    """The id of the first row made at ``at`` or later; more than the last id if there is none.

    Found by halving, in one query: ids ascend with time, but for the moments that transactions take.
    """
    stored = connection.ops.adapt_datetimefield_value(at)
    statement = _HALVING.format(made=_MADE.format(table=model._meta.db_table))
    with connection.cursor() as cursor:
        cursor.execute(statement, [low, high, stored, stored])
        return int(cursor.fetchone()[0])


def _changes(wanted: Wanted) -> QuerySet[Change]:
    rows = Change.objects.select_related("network")
    if wanted.kind in CHANGE_KINDS:
        rows = rows.filter(kind=wanted.kind)
    if wanted.kinds:
        rows = rows.filter(kind__in=wanted.kinds)
    if wanted.network_id is not None:
        rows = rows.filter(network_id=wanted.network_id)
    rows = _common(rows, wanted)
    if wanted.node_id is not None and not is_exact():
        rows = rows.filter(about_nodes([wanted.node_id], made=True))
    return rows


def _entries(wanted: Wanted) -> QuerySet[AuditEntry]:
    rows = AuditEntry.objects.all()
    if wanted.kind in AUDIT_KINDS:
        rows = rows.filter(kind=wanted.kind)
    return _common(rows, wanted)


def _common(rows: QuerySet[Row], wanted: Wanted) -> QuerySet[Row]:
    if prefix := ACTORS.get(wanted.actor):
        rows = rows.filter(actor__startswith=prefix)
    elif wanted.actor:
        rows = rows.filter(actor=wanted.actor)
    text = wanted.text.replace("\x00", "").strip()
    if text:
        rows = rows.annotate(gw_said=Cast("facts", TextField()))
        meant = Q(gw_said__icontains=text) | Q(origin=text) | Q(request_id=text) | Q(actor=text) | Q(kind=text)
        if rows.model is Change and re.fullmatch(r"[0-9]{1,18}", text):
            meant |= Q(version=int(text))
        rows = rows.filter(meant)
    return rows


def _speaks_of(row: Change | AuditEntry, node_id: int | None) -> bool:
    if isinstance(row, AuditEntry) or node_id is None:
        return False
    return row.actor == f"node:{node_id}" or node_id in node_ids_of(row)
