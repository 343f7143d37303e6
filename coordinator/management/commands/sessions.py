"""``manage.py sessions``: the same as ``session``."""

from coordinator.management.commands.session import Command

__all__ = ["Command"]
