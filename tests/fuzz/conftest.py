"""A portal with one of everything, for all fuzz tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from nodes.models import Network
from sessions_app.models import User
from tests.admin_api.api import api_of
from tests.admin_api.sample import make_sample
from tests.fixtures import ana, network, quiet_process
from tests.fuzz.world import SEED, World

__all__ = ["ana", "kept_connection", "network", "quiet_process", "world"]


@pytest.fixture
def world(network: Network, ana: User) -> World:
    print(f"Seed {SEED}: GHOSTWIRE_FUZZ_SEED={SEED} repeats this run.")  # noqa: T201 - shown where a test fails
    sample = make_sample(network, ana)
    owner = api_of("owner")
    assert owner.api_token is not None
    return World(sample, {"anonymous": None, "agent": sample.machine.token, "admin": owner.token}, owner.api_token.pk)


@pytest.fixture
def kept_connection(world: World) -> Iterator[None]:
    """A request outside Django's test client would close the connection whose transaction holds the world.

    After the world: that client, which makes it, connects the signals anew.
    """
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)
