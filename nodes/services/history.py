"""When nodes were online: read from the log of changes into spans, and out of them as days.

The log is read in its order, each change once, by a cursor that moves in the transaction of what was read. So it does
no harm if that happens late or twice, and nothing that writes presence has to know of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from mesh.change import ChangeKind
from nodes.models import Change, HistoryCursor, Network, Node, OnlineSpan

# Only these say whether a node is online.
_KINDS: Final = (ChangeKind.PRESENCE.value, ChangeKind.NODES.value, ChangeKind.SESSIONS.value)
_CLOSE_POSTGRESQL: Final = """
    UPDATE nodes_onlinespan SET ended = closed.at
    FROM unnest(%s::bigint[], %s::timestamptz[]) AS closed (id, at) WHERE nodes_onlinespan.id = closed.id
"""
_CLOSE_SQLITE: Final = "UPDATE nodes_onlinespan SET ended = %s WHERE id = %s"


@transaction.atomic
def read_history(*, network_id: int, limit: int = 1000) -> int:
    """Reads up to ``limit`` more changes of a network into spans; returns how many it read.

    Changes whose facts are not kept any more say nothing: a span that such a one would have ended goes on until the
    next that speaks of the node. Harmless when doubled: the second run waits for the first and reads on from there.
    """
    HistoryCursor.objects.get_or_create(network_id=network_id)
    cursor = HistoryCursor.objects.select_for_update().get(network_id=network_id)
    changes = list(
        Change.objects.filter(network_id=network_id, version__gt=cursor.version)
        .order_by("version")
        .values_list("version", "kind", "created_at", "facts")[:limit]
    )
    if not changes:
        return 0
    turns = [turn for _, kind, at, facts in changes if kind in _KINDS for turn in _turns(kind, at, facts)]
    if turns:
        _write(network_id, turns)
    cursor.version = changes[-1][0]
    cursor.save(update_fields=["version"])
    return len(changes)


@transaction.atomic
def forget_history(*, before: datetime, limit: int = 5000) -> int:
    """Drops spans that ended before ``before``; returns how many."""
    old = list(OnlineSpan.objects.filter(ended__lt=before).order_by("ended").values_list("pk", flat=True)[:limit])
    OnlineSpan.objects.filter(pk__in=old).delete()
    return len(old)


@dataclass(frozen=True, slots=True)
class _Turn:
    """A node that is online or not from ``at`` on."""

    node_id: int
    online: bool
    at: datetime


@dataclass(slots=True)
class _Spans:
    """The open span of each node, what ends, and what is new."""

    open: dict[int, OnlineSpan]
    closed: dict[int, datetime] = field(default_factory=dict)
    new: list[OnlineSpan] = field(default_factory=list)

    def take(self, turn: _Turn) -> None:
        span = self.open.get(turn.node_id)
        if turn.online and span is None:
            span = self.open[turn.node_id] = OnlineSpan(node_id=turn.node_id, began=turn.at)
            self.new.append(span)
        elif not turn.online and span is not None:
            del self.open[turn.node_id]
            # A clock that went back must not make a span that ends before it began.
            span.ended = max(turn.at, span.began)
            if span.pk is not None:
                self.closed[span.pk] = span.ended


def _turns(kind: str, at: datetime, facts: Mapping[str, Any]) -> Iterator[_Turn]:
    if kind == ChangeKind.PRESENCE:
        yield from (_Turn(node_id, True, at) for node_id in facts.get("online", ()))
        for gone in facts.get("offline", ()):
            yield _Turn(gone["id"], False, datetime.fromisoformat(gone["at"]))
    elif kind == ChangeKind.NODES:
        yield from (_Turn(fact["id"], fact["online"], at) for fact in facts.get("nodes", ()))
        for patch in facts.get("patched", ()):
            if "online" in patch["set"]:
                yield from (_Turn(node_id, patch["set"]["online"], at) for node_id in patch["ids"])
    elif facts.get("login_required"):
        yield from (_Turn(node_id, False, at) for node_id in facts.get("ended", ()))


def _write(network_id: int, turns: Iterable[_Turn]) -> None:
    turns = list(turns)
    # The log also speaks of nodes that are gone since.
    alive = set(
        Node.objects.filter(network_id=network_id, pk__in={turn.node_id for turn in turns}).values_list("pk", flat=True)
    )
    spans = _Spans({span.node_id: span for span in OnlineSpan.objects.filter(node_id__in=alive, ended=None)})
    for turn in turns:
        if turn.node_id in alive:
            spans.take(turn)
    # Old ones end before new ones begin: a node has one open span.
    _close(spans.closed)
    OnlineSpan.objects.bulk_create(spans.new, batch_size=2000)


def _close(closed: Mapping[int, datetime]) -> None:
    if not closed:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_CLOSE_POSTGRESQL, [list(closed), list(closed.values())])
            return
        stored = connection.ops.adapt_datetimefield_value
        cursor.executemany(_CLOSE_SQLITE, [(str(stored(at)), pk) for pk, at in closed.items()])


def networks_with_news() -> list[int]:
    """The networks whose log is longer than what was read of it."""
    read = dict(HistoryCursor.objects.values_list("network_id", "version"))
    versions = Network.objects.order_by("pk").values_list("pk", "map_version")
    return [pk for pk, version in versions if version > read.get(pk, 0)]
