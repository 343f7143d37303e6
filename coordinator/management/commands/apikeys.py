"""``manage.py apikeys``: the same as ``apikey``."""

from coordinator.management.commands.apikey import Command

__all__ = ["Command"]
