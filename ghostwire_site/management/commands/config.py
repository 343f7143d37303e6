"""``manage.py config``: see ``ghostwire_site.config.command``, which manage.py also calls without Django."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any, TextIO, cast

from django.core.management.base import BaseCommand

from ghostwire_site.config import command


class Command(BaseCommand):
    """Lists ``config`` among the commands and lets programs call it."""

    help = command.DESCRIPTION
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the acts."""
        command.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Act, and leave with the act's exit code where it found a fault."""
        code = command.act(options["act"], out=cast(TextIO, self.stdout), err=cast(TextIO, self.stderr))
        if code:
            sys.exit(code)
