"""``manage.py secrets``: what can be done to the secrets beside the database."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ghostwire_site.secrets import SecretsError, rotate_peppers


class Command(BaseCommand):
    """Puts a new pepper in front of the others."""

    help = "Rotate the pepper under which digests of new tokens are kept. Tokens that exist stay valid."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the acts."""
        acts = parser.add_subparsers(dest="act", required=True, metavar="rotate-pepper")
        acts.add_parser("rotate-pepper", help="keep new tokens under a new pepper; running servers need a restart")

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate."""
        try:
            newest = rotate_peppers(settings.GHOSTWIRE.server.data_dir)[0]
        except SecretsError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"New tokens are kept under pepper {newest.id} once the server has restarted.")
