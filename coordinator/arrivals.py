"""Signs of life on their way to the presence store and, for those who return, to the map."""

from __future__ import annotations

import threading
from collections import defaultdict
from datetime import datetime
from typing import Final

from mesh.change import Cause
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
        """Hands everything on. What fails is kept for the next flush, and the error is raised."""
        with self._lock:
            seen, self._seen = self._seen, {}
            returned, self._returned = self._returned, defaultdict(set)
        try:
            if seen:
                presence_store().touch(seen)
            while returned:
                network_id, node_ids = next(iter(returned.items()))
                mark_online(network_id=network_id, node_ids=sorted(node_ids), cause=Cause.system("presence"), now=now)
                del returned[network_id]
        except Exception:
            with self._lock:
                self._seen = seen | self._seen
                for network_id, node_ids in returned.items():
                    self._returned[network_id] |= node_ids
            raise


ARRIVALS: Final = Arrivals()
