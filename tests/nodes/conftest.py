"""The portal's own fixtures for all tests of the nodes."""

from __future__ import annotations

from tests.fixtures import ana, ben, clock, join, key_of, network, quiet_process

__all__ = ["ana", "ben", "clock", "join", "key_of", "network", "quiet_process"]
