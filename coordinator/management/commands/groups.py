"""``manage.py groups``: the same as ``group``."""

from coordinator.management.commands.group import Command

__all__ = ["Command"]
