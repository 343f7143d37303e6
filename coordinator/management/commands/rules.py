"""``manage.py rules``: the same as ``rule``."""

from coordinator.management.commands.rule import Command

__all__ = ["Command"]
