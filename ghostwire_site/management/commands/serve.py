"""``manage.py serve``: the whole portal in one process."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ghostwire_site.runner.lock import AlreadyRunningError


class Command(BaseCommand):
    """Serves portal, API, agent sockets and periodic tasks until Ctrl-C or SIGTERM."""

    help = "Serve portal, API, agent sockets and periodic tasks from one process, until Ctrl-C or SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve."""
        from ghostwire_site.runner.serve import serve  # noqa: PLC0415 - it chooses Twisted's reactor
        from ghostwire_site.runner.server import PortInUseError  # noqa: PLC0415

        def say(text: str) -> None:
            self.stdout.write(text)
            self.stdout.flush()  # whoever reads it through a pipe must not wait until the end

        try:
            serve(write=say)
        except (AlreadyRunningError, PortInUseError) as error:
            raise CommandError(str(error)) from error
