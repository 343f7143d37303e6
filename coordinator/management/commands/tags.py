"""``manage.py tags``: the same as ``tag``."""

from coordinator.management.commands.tag import Command

__all__ = ["Command"]
