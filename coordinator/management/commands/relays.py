"""``manage.py relays``: the same as ``relay``."""

from coordinator.management.commands.relay import Command

__all__ = ["Command"]
