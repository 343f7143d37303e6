"""``manage.py enrolments``: the same as ``enrolment``."""

from coordinator.management.commands.enrolment import Command

__all__ = ["Command"]
