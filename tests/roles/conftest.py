"""One world a module: each call happens in a scratch of it and is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from coordinator.tail import Tail
from tests.fixtures import forget_memory, quiet_process
from tests.roles.world import World, make_world

__all__ = ["quiet_process"]


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Within a transaction that is taken back when the module is through."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch, transaction.atomic():
        patch.setattr(Tail, "start", lambda self: None)
        forget_memory()
        yield make_world()
        transaction.set_rollback(True)
