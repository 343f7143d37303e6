"""``manage.py serve``: the portal's server."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ghostwire_site.runner.installation import NotPreparedError
from ghostwire_site.runner.lock import AlreadyRunningError


class Command(BaseCommand):
    """Serves portal, API, agent sockets and, unless others do, periodic tasks until Ctrl-C or SIGTERM."""

    help = "Serve portal, API, agent sockets and periodic tasks from one process, until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One option."""
        parser.add_argument(
            "--without-tasks",
            action="store_true",
            help="Serve beside other processes: Celery's worker and beat run the periodic tasks, "
            "manage.py prepare was run. Needs PostgreSQL and Redis.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve."""
        from ghostwire_site.runner.serve import (  # noqa: PLC0415 - it chooses Twisted's reactor
            NotSharedError,
            serve,
            serve_beside_others,
        )
        from ghostwire_site.runner.server import PortInUseError  # noqa: PLC0415

        def say(text: str) -> None:
            self.stdout.write(text)
            self.stdout.flush()  # whoever reads it through a pipe must not wait until the end

        try:
            if options["without_tasks"]:
                serve_beside_others()
            else:
                serve(write=say)
        except (AlreadyRunningError, PortInUseError, NotSharedError, NotPreparedError) as error:
            raise CommandError(str(error)) from error
