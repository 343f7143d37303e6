"""What heartbeats tell of traffic: read, and on its way to the database collected in memory, written in batches.

What a process loses of it when it dies, the node's next report brings again: counters are totals.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any, Final

from mesh.errors import FieldError, ValidationError
from mesh.traffic import MAX_BYTES, Totals
from nodes.services.traffic import BATCH, write_traffic

FLUSH_SECONDS: Final = 20.0
KEPT: Final = 8
"""Reports of one node between two flushes: its agents tell every few minutes."""
MAX_NODES: Final = 100_000
"""While the database is away, what other nodes tell is dropped, and told again."""
LONGEST_MS: Final = 60_000.0
_MAX_ID: Final = 2**53
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


@dataclass(frozen=True, slots=True)
class FirstPing:
    """Which node answered an agent's first ping over the mesh, and how long that took."""

    peer_id: int
    milliseconds: float


def read_first_ping(told: Mapping[str, Any]) -> FirstPing | None:
    """Reads ``first_ping`` of the member ``traffic``: ``peer_id`` and ``milliseconds``; None where it is not told.
    Raises ValidationError naming the member at fault."""
    ping = told.get("first_ping")
    if ping is None:
        return None
    peer_id, took = (ping.get("peer_id"), ping.get("milliseconds")) if isinstance(ping, dict) else (None, None)
    if not isinstance(peer_id, int) or isinstance(peer_id, bool) or not 0 < peer_id < _MAX_ID:
        raise _refused_ping("peer_id", "The id of a node.")
    if not isinstance(took, int | float) or isinstance(took, bool) or not isfinite(took) or not 0 <= took <= LONGEST_MS:
        raise _refused_ping("milliseconds", f"A number from 0 to {LONGEST_MS:.0f}.")
    return FirstPing(peer_id, float(took))


def _refused_ping(member: str, words: str) -> ValidationError:
    return ValidationError("The first ping is refused.", errors=(FieldError(f"traffic.first_ping.{member}", words),))


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
