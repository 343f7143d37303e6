"""``manage.py hosts``: the same as ``host``."""

from coordinator.management.commands.host import Command

__all__ = ["Command"]
