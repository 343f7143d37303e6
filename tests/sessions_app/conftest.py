"""The portal's own fixtures for all tests of people and sessions."""

from __future__ import annotations

from tests.fixtures import ana, ben, clock, join, key_of, network, quiet_process

__all__ = ["ana", "ben", "clock", "join", "key_of", "network", "quiet_process"]
