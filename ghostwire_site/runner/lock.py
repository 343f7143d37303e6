"""One data directory, one process: a second one would give out what the first keeps in its memory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE_NAME = "serve.lock"


class AlreadyRunningError(Exception):
    """Another process serves this data directory."""


@contextmanager
def instance_lock(data_dir: Path) -> Iterator[None]:
    """Hold the data directory; the kernel lets go of it however the process ends.

    Raises:
        AlreadyRunningError: saying which process holds it.
    """
    with (data_dir / FILE_NAME).open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise AlreadyRunningError(
                f"GhostWire already runs on {data_dir} (process {holder}). "
                "End it first, or give this one a data directory of its own: GHOSTWIRE_SERVER__DATA_DIR=..."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
