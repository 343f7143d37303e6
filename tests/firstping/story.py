"""The four steps, with a stopwatch: the server's line, a line on each of two machines, and a ping."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from demo.lab import Machine
from tests.firstping.bare import BareLab, output, place, type_in

HOME: Final = Path(__file__).resolve().parents[2]
PATIENCE: Final = 900.0
PLACE_OF_REPOSITORY: Final = "REPOSITORY"
CACHES: Final = ("var/cache/apt/archives", "var/lib/apt/lists", "root/.cache/pip")
"""What a machine keeps of its downloads."""
# A part of a line's work lasts until its output says that the next has begun.
SERVER: Final = (
    ("apt-get", ""),
    ("git clone", r"Cloning into"),
    ("python3 -m venv", r"-m venv"),
    ("pip install", r"Installing GhostWire's requirements"),
    ("first start", r"statics\.collecting"),
)
READY: Final = r"^ +command -v python3"
"""The line for machines."""
PONG: Final = r"^pong from beta"
MACHINE: Final = (
    ("python3 with apt-get", ""),
    ("packages of the agent", r"ghostwire: (installing|fetching)"),
    ("agent", r"ghostwire: the agent is installed"),
)

Parts = list[tuple[str, float]]


def server_line(readme: str) -> str:
    """The line that README says for the server."""
    (found,) = re.findall(rf"^```\n(apt-get [^`]*{PLACE_OF_REPOSITORY}[^`]*)\n```$", readme, re.MULTILINE)
    return str(found)


def starts_of(parts: Sequence[tuple[str, str]], *, began: float, said: Sequence[tuple[float, str]]) -> Parts:
    """When each part of a line's work began: the first with the line, others by what it said; some are not needed."""
    starts = [(parts[0][0], began)]
    rest = list(parts[1:])
    for moment, text in said:
        for number, (name, mark) in enumerate(rest):
            if re.search(mark, text):
                starts.append((name, moment))
                del rest[: number + 1]
                break
    return starts


class Story:
    """One run on fresh machines; ``times`` says what took how long, in seconds and in the order of its steps."""

    def __init__(self, lab: BareLab, repository: Path, caches: Path) -> None:
        self._lab = lab
        self._repository = repository
        self._caches = caches
        self.times: Parts = []
        self.total = 0.0
        self.load = 0.0
        """What else this host had to do when the run began."""

    def tell(self) -> None:
        """All of it, from the first key on the server to the first ping."""
        self.load = os.getloadavg()[0]
        server, alpha, beta = (self._add(name) for name in ("server", "alpha", "beta"))
        shutil.copytree(self._repository, place(server) / "srv" / self._repository.name)
        readme = (HOME / "README.md").read_text(encoding="utf-8")
        line = server_line(readme).replace(PLACE_OF_REPOSITORY, f"file:///srv/{self._repository.name}")
        began = time.monotonic()
        said = self._follow(server, line, SERVER, until=READY)
        joining = said[-1].strip()
        for machine in (alpha, beta):
            self._follow(machine, joining, MACHINE)
        self._follow(alpha, "ghostwire-agent ping beta", (("ghostwire-agent ping beta", ""),), until=PONG)
        self.total = time.monotonic() - began
        self._check(alpha, beta)
        for machine in (server, alpha, beta):
            self._keep(machine)

    def _check(self, alpha: Machine, beta: Machine) -> None:
        """Beyond the clock: it is so both ways, and with what else a machine has."""
        for source, target in ((alpha, beta), (beta, alpha)):
            for line in (f"ghostwire-agent ping {target.name}", f"getent hosts {target.name}.mycompany.ghost"):
                child = type_in(source, line)
                text = output(child).read()
                assert child.wait() == 0, f"{source.name}: {line}\n{text}"

    def _follow(self, machine: Machine, line: str, parts: Sequence[tuple[str, str]], *, until: str = "") -> list[str]:
        """Run a line, to its end or until it says something; note how long each part took."""
        began = time.monotonic()
        child = type_in(machine, line)
        watchdog = threading.Timer(PATIENCE, child.kill)
        watchdog.start()
        said: list[tuple[float, str]] = []
        try:
            for text in output(child):
                said.append((time.monotonic(), text))
                print(f"{said[-1][0] - began:6.1f} {machine.name}| {text}", end="", flush=True)
                if until and re.search(until, text):
                    threading.Thread(target=_drain, args=(child,), daemon=True).start()
                    break
            else:
                assert child.wait() == 0, f"{machine.name}: {line}\n{''.join(text for _, text in said[-40:])}"
                assert not until, f"{machine.name}: {line} ended."
        finally:
            watchdog.cancel()
        starts = starts_of(parts, began=began, said=said)
        ends = [moment for _, moment in starts[1:]] + [time.monotonic()]
        self.times += [
            (f"{machine.name}: {name}", end - moment) for (name, moment), end in zip(starts, ends, strict=True)
        ]
        return [text for _, text in said]

    def _add(self, name: str) -> Machine:
        """A bare machine, with what an earlier run downloaded, where one did."""
        machine = self._lab.add(name)
        for cache in CACHES:
            kept = self._caches / name / cache
            if kept.exists():
                shutil.copytree(kept, place(machine) / cache, dirs_exist_ok=True)
        return machine

    def _keep(self, machine: Machine) -> None:
        for cache in CACHES:
            here = place(machine) / cache
            if here.exists():
                shutil.copytree(here, self._caches / machine.name / cache, dirs_exist_ok=True)


def _drain(child: subprocess.Popen[str]) -> None:
    """What runs on goes on talking, and nobody must make it wait."""
    for _ in output(child):
        pass
