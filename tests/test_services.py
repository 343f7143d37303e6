"""The services that tests use (``tests/services``) end with the run, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ghostwire_site.config.model import HOME
from tests.services.once import RUN_VARIABLE
from tests.services.processes import alive, wait_until

RUN = """
import signal, subprocess, sys
from tests.services.once import run_folder, started_once

def start(folder):
    return {"pid": subprocess.Popen(["sleep", "600"]).pid, "stop": signal.SIGTERM}

print(run_folder(), started_once("sleeper", start)["pid"], flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", [None, signal.SIGTERM, signal.SIGKILL])
def test_services_end_with_the_run(how: signal.Signals | None) -> None:
    environment = {key: value for key, value in os.environ.items() if key != RUN_VARIABLE}
    command = [sys.executable, "-c", RUN]
    with subprocess.Popen(command, cwd=HOME, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        folder, pid = run.stdout.readline().split()
        assert alive(int(pid))
        if how is not None:
            run.send_signal(how)

    wait_until(lambda: not alive(int(pid)), seconds=20, what="end of the service")
    wait_until(lambda: not Path(folder.decode()).exists(), seconds=20, what="removal of the folder")
