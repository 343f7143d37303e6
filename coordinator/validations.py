"""Counts how sessions of nodes stood up to being looked at, in memory and in the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from coordinator.metrics import VALIDATIONS
from mesh.errors import AuthenticationError, PermissionDeniedError

_ASKED: Final = {
    result: VALIDATIONS.labels(result, "database") for result in ("accepted", "authentication", "permission", "error")
}
count_from_memory: Final = VALIDATIONS.labels("accepted", "memory").inc
"""Counts a session that memory vouched for. What memory does not know it never refuses: then the database is asked."""


@contextmanager
def asking_database() -> Iterator[None]:
    """Counts what comes of asking the database about a session: accepted, refused with which code, or no answer."""
    try:
        yield
    except AuthenticationError:
        _ASKED["authentication"].inc()
        raise
    except PermissionDeniedError:
        _ASKED["permission"].inc()
        raise
    except Exception:
        _ASKED["error"].inc()
        raise
    _ASKED["accepted"].inc()
