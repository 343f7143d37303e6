"""Counts how sessions of nodes stood up to being looked at in the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from coordinator.metrics import VALIDATIONS
from mesh.errors import AuthenticationError, PermissionDeniedError


@contextmanager
def asking_database() -> Iterator[None]:
    """Counts what comes of asking the database about a session: accepted, refused with which code, or no answer."""
    try:
        yield
    except AuthenticationError:
        VALIDATIONS.unauthenticated.inc()
        raise
    except PermissionDeniedError:
        VALIDATIONS.not_permitted.inc()
        raise
    except Exception:
        VALIDATIONS.failed.inc()
        raise
    VALIDATIONS.accepted.inc()
