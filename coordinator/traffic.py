"""What heartbeats tell of traffic, on its way to the database: collected in memory, written in batches.

What a process loses of it when it dies, the node's next report brings again: counters are totals.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from mesh.errors import FieldError, ValidationError
from mesh.traffic import MAX_BYTES, Totals
from nodes.services.traffic import BATCH, write_traffic

FLUSH_SECONDS: Final = 20.0
KEPT: Final = 8
"""Reports of one node between two flushes: its agents tell every few minutes."""
MAX_NODES: Final = 100_000
"""While the database is away, what other nodes tell is dropped, and told again."""
_COUNTER: Final = re.compile(r"[!-~]{0,64}")


def read_traffic(told: Mapping[str, Any], now: datetime) -> Totals | None:
    """Reads the member ``traffic``: ``rx_bytes`` and ``tx_bytes`` since whatever ``counter`` names began; None where
    it holds neither. Other members are passed over. Raises ValidationError naming the member at fault."""
    if "rx_bytes" not in told and "tx_bytes" not in told:
        return None
    errors = [
        FieldError(f"traffic.{name}", f"A whole number from 0 to {MAX_BYTES}.")
        for name in ("rx_bytes", "tx_bytes")
        if not _is_count(told.get(name))
    ]
    counter = told.get("counter", "")
    if not (isinstance(counter, str) and _COUNTER.fullmatch(counter)):
        errors.append(FieldError("traffic.counter", "At most 64 printable ASCII characters."))
    if errors:
        raise ValidationError("The traffic is refused.", errors=tuple(errors))
    return Totals(counter, told["rx_bytes"], told["tx_bytes"], now)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_BYTES


class Traffic:
    """One a process. From any thread; cheap enough for every heartbeat."""

    def __init__(self) -> None:
        self._told: dict[int, list[Totals]] = {}
        self._lock = threading.Lock()

    def note(self, node_id: int, totals: Totals) -> None:
        """Takes a report, in place of the one before where that adds nothing."""
        with self._lock:
            items = self._told.get(node_id)
            if items is None:
                if len(self._told) < MAX_NODES:
                    self._told[node_id] = [totals]
                return
            last = items[-1]
            grew = last.counter == totals.counter and last.rx <= totals.rx and last.tx <= totals.tx
            if grew and _same_hour(last.at, totals.at):
                items[-1] = totals
            else:
                items.append(totals)
                del items[:-KEPT]

    def flush(self) -> None:
        """Writes what was told. What fails is kept for the next time, unless there is newer, and its error raised."""
        with self._lock:
            told, self._told = self._told, {}
        node_ids = sorted(told)
        for first in range(0, len(node_ids), BATCH):
            batch = node_ids[first : first + BATCH]
            try:
                write_traffic(reports={node_id: told[node_id] for node_id in batch})
            except Exception:
                with self._lock:
                    for node_id in node_ids[first:]:
                        items = told[node_id] + self._told.get(node_id, [])
                        self._told[node_id] = items[-KEPT:]
                raise


def _same_hour(one: datetime, other: datetime) -> bool:
    return one.replace(minute=0, second=0, microsecond=0) == other.replace(minute=0, second=0, microsecond=0)


TRAFFIC: Final = Traffic()
