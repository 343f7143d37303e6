"""``manage.py users``: the same as ``user``."""

from coordinator.management.commands.user import Command

__all__ = ["Command"]
