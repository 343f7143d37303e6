"""After a database was put back: versions begin to count anew, so that no agent holds on to what is gone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from django.db import transaction

from mesh.change import Cause, ChangeKind
from nodes.changes import lock_network, record_change
from nodes.facts import network_facts
from nodes.models import Network

_BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)


@transaction.atomic
def begin_epoch(*, network_id: int, cause: Cause, now: datetime) -> Network:
    """Begins a new epoch of a network's map versions: every agent gets its whole map anew, also one that holds a higher
    version from before the restore.

    The epoch is the number of seconds since 2026 began: a backup that was made before an earlier restore knows nothing
    of the epoch that began then, and counting on from what it knows could come to that one again. Raises NotFoundError.
    """
    network = lock_network(network_id)
    network.epoch = max(network.epoch + 1, int((now - _BEGAN).total_seconds()))
    network.save(update_fields=["epoch"])
    record_change(network=network, kind=ChangeKind.NETWORK, facts=network_facts(network.pk), cause=cause, now=now)
    return network
