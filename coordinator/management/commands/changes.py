"""``manage.py changes``: the same as ``change``."""

from coordinator.management.commands.change import Command

__all__ = ["Command"]
