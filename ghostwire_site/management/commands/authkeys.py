"""``manage.py authkeys``: the same as ``authkey``."""

from ghostwire_site.management.commands.authkey import Command

__all__ = ["Command"]
