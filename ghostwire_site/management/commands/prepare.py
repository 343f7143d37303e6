"""``manage.py prepare``: what has to be done before several processes serve."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from ghostwire_site.runner.installation import bring_up
from ghostwire_site.runner.statics import collect_if_stale
from ghostwire_site.runner.welcome import welcome_text


class Command(BaseCommand):
    """Brings database and files up to date, and at the first run makes the network, the first person and key."""

    help = "Migrate the database, collect static files and, at first, make the network and the person to log in as."

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, and say how to log in."""
        os.umask(0o077)
        config = settings.GHOSTWIRE
        collect_if_stale()
        self.stdout.write(welcome_text(config, bring_up(config=config, now=timezone.now())))
