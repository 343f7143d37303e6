"""Signs of life on their way to the presence store and, for those who return, to the map."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from datetime import datetime
from typing import Final

from django.utils import timezone

from mesh.change import Cause
from mesh.errors import NotFoundError
from nodes.presence import presence_store
from nodes.services.presence import mark_online

LISTEN_SECONDS: Final = 2.0


class Arrivals:
    """Collects signs of life between two flushes, so that the store and the database see batches."""

    def __init__(self) -> None:
        self._seen: dict[int, datetime] = {}
        self._returned: dict[int, set[int]] = defaultdict(set)
        self._listened = -LISTEN_SECONDS
        self._lock = threading.Lock()

    def note(self, network_id: int, node_id: int, *, is_online: bool, now: datetime) -> None:
        """Notes that a node was heard; ``is_online``: what its peers were last told."""
        with self._lock:
            self._seen[node_id] = now
            if not is_online:
                self._returned[network_id].add(node_id)

    def flush(self, now: datetime) -> None:
        """Hands everything on. What fails is kept for the next flush, and its error raised; the rest goes on."""
        try:
            self.write_returned(now)
        finally:
            self.store_seen()

    def write_returned(self, now: datetime) -> None:
        """Records who came back, as one change a network. A network that fails holds up no other."""
        with self._lock:
            returned, self._returned = self._returned, defaultdict(set)
        errors: list[Exception] = []
        for network_id, node_ids in returned.items():
            try:
                mark_online(network_id=network_id, node_ids=sorted(node_ids), cause=Cause.system("presence"), now=now)
            except NotFoundError:
                continue  # the network is gone, and its nodes with it
            except Exception as error:  # noqa: BLE001 - raised below
                errors.append(error)
                with self._lock:
                    self._returned[network_id] |= node_ids
        if errors:
            raise errors[0]

    def store_seen(self) -> None:
        """Tells the presence store who was heard. Kept apart: what peers are told does not wait for the store.

        It also says that this process listens, every few seconds, whether or not it heard anybody.
        """
        with self._lock:
            seen, self._seen = self._seen, {}
        try:
            if seen:
                presence_store().touch(seen)
            if time.monotonic() - self._listened >= LISTEN_SECONDS:
                presence_store().listen(timezone.now())
                self._listened = time.monotonic()
        except Exception:
            with self._lock:
                self._seen = seen | self._seen
            raise


ARRIVALS: Final = Arrivals()
