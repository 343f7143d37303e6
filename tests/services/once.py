"""Starts a service once for all processes of a test run, and stops it when the run ends.

With pytest-xdist several processes run tests. The first that needs a service starts it under a file lock and writes
down where it listens. The process that began the run outlives the others and stops all services at its end. Should it
be killed, a watchdog does: ``python -m tests.services.once FOLDER`` waits for the end of its standard input, a pipe
whose other end the process that began the run held until it was gone.
"""

from __future__ import annotations

import atexit
import ctypes
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.services.processes import end_process

RUN_VARIABLE = "GHOSTWIRE_TEST_RUN"
"""Names this run to all its processes."""
_PR_SET_CHILD_SUBREAPER = 36
_HOME = Path(__file__).resolve().parent.parent.parent


def run_folder() -> Path:
    """Give the folder that all processes of this run share; the first caller begins the run."""
    run = os.environ.get(RUN_VARIABLE)
    if run:
        return Path(run)
    folder = Path(tempfile.mkdtemp(prefix="ghostwire-run-"))
    # A service may have to run as another user, who must reach its own folder within this one.
    folder.chmod(0o711)
    os.environ[RUN_VARIABLE] = str(folder)
    # Services started by other processes of the run become this one's children when those end, so that it can
    # wait for them; not every container has a process 1 that does.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    command = [sys.executable, "-m", "tests.services.once", str(folder)]
    # In a session of its own: what interrupts the run must not end the watchdog.
    watchdog = subprocess.Popen(command, cwd=_HOME, stdin=subprocess.PIPE, start_new_session=True)
    atexit.register(_end_run_of, os.getpid(), folder, watchdog)
    return folder


def started_once(name: str, start: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """Give the facts that ``start(folder)`` returned, in this process or in the one that was first.

    Among the facts are ``pid``, and ``stop``: the signal that ends it.
    """
    folder = run_folder() / name
    folder.mkdir(exist_ok=True)
    facts_file = folder / "facts.json"
    with (folder / "starting").open("w") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        if not facts_file.exists():
            facts_file.write_text(json.dumps(start(folder)))
        facts: dict[str, Any] = json.loads(facts_file.read_text())
    return facts


def note_process(pid: int, stop: signal.Signals = signal.SIGTERM) -> None:
    """See to it that a process of this run ends with it, however the run ends."""
    folder = run_folder() / f"process-{pid}"
    folder.mkdir(exist_ok=True)
    (folder / "facts.json").write_text(json.dumps({"pid": pid, "stop": stop}))


def forget_process(pid: int) -> None:
    """Say that a process has ended: another may get its number."""
    shutil.rmtree(run_folder() / f"process-{pid}", ignore_errors=True)


def end_run(folder: Path) -> None:
    """Stop all services of a run and remove its folder; does nothing where that is done."""
    for facts_file in folder.glob("*/facts.json"):
        facts = json.loads(facts_file.read_text())
        end_process(facts["pid"], first=signal.Signals(facts["stop"]))
    shutil.rmtree(folder, ignore_errors=True)


def _end_run_of(owner: int, folder: Path, watchdog: subprocess.Popen[bytes]) -> None:
    if os.getpid() != owner:
        return  # a forked child runs the same exit functions
    end_run(folder)
    assert watchdog.stdin is not None
    watchdog.stdin.close()
    watchdog.wait()


if __name__ == "__main__":
    sys.stdin.read()
    end_run(Path(sys.argv[1]))
