"""``manage.py networks``: the same as ``network``."""

from coordinator.management.commands.network import Command

__all__ = ["Command"]
