"""``manage.py serve`` from the outside: started, watched and ended as a supervisor would."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from ghostwire_site.config.model import HOME
from tests.services.processes import answers, free_port, wait_until
from tests.services.stack import environment
from tests.services.statics import put_statics


class ServeProcess:
    """A portal from ``start`` (or ``with``) to ``stop``; may be started again on the same data."""

    def __init__(self, data_dir: Path, *, port: int | None = None, with_statics: bool = True, **variables: str) -> None:
        self.data_dir = data_dir
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data_dir.parent / f"{data_dir.name}-{self.port}.log"
        self.variables = variables
        self.with_statics = with_statics
        self._before = 0
        self.process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the process without waiting for it."""
        if self.with_statics and not self.data_dir.exists():
            put_statics(self.data_dir)
        environ = environment(self.data_dir, [self.port], **self.variables)
        del environ["PYTHONUNBUFFERED"]  # a supervisor sets no such thing, and is to be told at once all the same
        command = [sys.executable, str(HOME / "manage.py"), "serve"]
        self._before = len(self.output)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=environ, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        return self.process

    def start(self, *, seconds: float = 150) -> Self:
        """Start, and wait until it listens and has said so."""
        process = self.spawn()

        def up() -> bool:
            if process.poll() is not None:
                raise AssertionError(f"the portal ended with {process.returncode}:\n{self.output}")
            return "server.started" in self.output[self._before :] and answers(self.port)

        wait_until(up, seconds=seconds, what="start of the portal")
        return self

    def stop(self, how: signal.Signals = signal.SIGTERM, *, seconds: float = 40) -> int:
        """End it, and give its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the portal did not end in {seconds:g} s:\n{self.output}") from None

    @property
    def output(self) -> str:
        """What it has written so far, over all its starts."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def password(self) -> str:
        """The one-time password of ``admin``."""
        return (self.data_dir / "admin-password").read_text().strip()

    @property
    def auth_key(self) -> str:
        """The auth key printed at the first start."""
        found = re.search(r"gwk_[A-Za-z0-9_-]{43}", self.output)
        assert found is not None, self.output
        return found[0]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
