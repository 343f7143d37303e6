"""The fixtures of the portal, and programs of people."""

from __future__ import annotations

import pytest

from nodes.models import Network
from tests.admin_api.api import Api, api_of
from tests.fixtures import ana, ben, clock, join, key_of, network, quiet_process

__all__ = ["ana", "api", "ben", "clock", "join", "key_of", "network", "quiet_process"]


@pytest.fixture
def api(network: Network) -> Api:
    """The program of an owner."""
    return api_of("owner")
