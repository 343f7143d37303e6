"""Signs of life on their way to the presence store and, for those who return, to the map."""

from __future__ import annotations

import threading
from collections import defaultdict
from datetime import datetime
from typing import Final

from mesh.change import Cause
from mesh.errors import NotFoundError
from nodes.presence import presence_store
from nodes.services.presence import mark_online


class Arrivals:
    """Collects signs of life between two flushes, so that the store and the database see batches."""

    def __init__(self) -> None:
        self._seen: dict[int, datetime] = {}
        self._returned: dict[int, set[int]] = defaultdict(set)
        self._lock = threading.Lock()

    def note(self, network_id: int, node_id: int, *, is_online: bool, now: datetime) -> None:
        """Notes that a node was heard; ``is_online``: what its peers were last told."""
        with self._lock:
            self._seen[node_id] = now
            if not is_online:
                self._returned[network_id].add(node_id)

    def flush(self, now: datetime) -> None:
        """Hands everything on. What fails is kept for the next flush, the rest goes on, and the first error is raised.

        Returns are written first, since peers wait for them: neither the presence store nor another network's trouble
        may hold them up.
        """
        errors: list[Exception] = []
        self._write_returned(now, errors)
        self._store_seen(errors)
        if errors:
            raise errors[0]

    def _write_returned(self, now: datetime, errors: list[Exception]) -> None:
        with self._lock:
            returned, self._returned = self._returned, defaultdict(set)
        for network_id, node_ids in returned.items():
            try:
                mark_online(network_id=network_id, node_ids=sorted(node_ids), cause=Cause.system("presence"), now=now)
            except NotFoundError:
                continue  # the network is gone, and its nodes with it
            except Exception as error:  # noqa: BLE001 - raised by the caller
                errors.append(error)
                with self._lock:
                    self._returned[network_id] |= node_ids

    def _store_seen(self, errors: list[Exception]) -> None:
        with self._lock:
            seen, self._seen = self._seen, {}
        try:
            if seen:
                presence_store().touch(seen)
        except Exception as error:  # noqa: BLE001 - raised by the caller
            errors.append(error)
            with self._lock:
                self._seen = seen | self._seen


ARRIVALS: Final = Arrivals()
