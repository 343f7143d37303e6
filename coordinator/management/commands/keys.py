"""``manage.py keys``: the same as ``key``."""

from coordinator.management.commands.key import Command

__all__ = ["Command"]
