"""``manage.py jobs``: the same as ``job``."""

from coordinator.management.commands.job import Command

__all__ = ["Command"]
