"""Collects the pages' static files when there is something new to collect."""

from __future__ import annotations

from pathlib import Path

import structlog
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

log = structlog.get_logger(__name__)


def collect_if_stale() -> bool:
    """Collect unless everything was collected since it last changed; tells whether it did."""
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if manifest.exists() and manifest.stat().st_mtime >= _last_change():
        return False
    log.info("statics.collecting", into=str(settings.STATIC_ROOT))
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    return True


def _last_change() -> float:
    """Give the latest change of any source file; a file that was put in counts by the time of its inode."""
    latest = 0.0
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = Path(storage.path(path)).stat()
            latest = max(latest, status.st_mtime, status.st_ctime)
    return latest
