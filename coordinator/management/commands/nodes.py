"""``manage.py nodes``: the same as ``node``."""

from coordinator.management.commands.node import Command

__all__ = ["Command"]
