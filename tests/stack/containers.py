"""The stack's containers under podman, in a network namespace of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from tests.stack.bases import make_bases

HOME: Final = Path(__file__).resolve().parents[2]
NAMESPACE: Final = "gwstack"
PROJECT: Final = "ghostwire"
TARGETS: Final = ("ghostwire", "database", "redis", "proxy", "prometheus")
FILES: Final = ("-f", "docker-compose.yml", "-f", "tests/stack/override.yml")
SERVERS: Final = ("portal", "edge", "postgres", "redis", "proxy", "worker", "beat")
ALL: Final = ("init", *SERVERS, "prometheus")
"""Without Grafana, for whose image nothing stands in."""
PATIENCE: Final = 240.0
_CONFIGURATION: Final = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
"""


def missing_tools() -> str | None:
    """What this machine lacks for containers, or None if it has all."""
    missing = [tool for tool in ("podman", "runc", "debootstrap", "nsenter") if shutil.which(tool) is None]
    return f"needs {', '.join(missing)}: apt install podman runc debootstrap" if missing else None


class Stack:
    """Use it as a context manager: its end takes everything down, volumes and namespace included."""

    _inside: Final = ("nsenter", f"--net=/run/netns/{NAMESPACE}")

    def __init__(self, *, host: str, scratch: Path, edges: int = 2) -> None:
        self.edges = edges
        scratch.mkdir(parents=True, exist_ok=True)
        configuration = scratch / "containers.conf"
        configuration.write_text(_CONFIGURATION)
        self.scratch = scratch
        self.environment = dict(os.environ) | {"CONTAINERS_CONF": str(configuration), "GHOSTWIRE_HOST": host}

    def _sweep(self) -> None:
        """Remove what an earlier run left, and what podman-compose forgets: containers by scale, and their volumes."""
        mine = ("--filter", f"label=io.podman.compose.project={PROJECT}")
        containers = self._run("podman", "ps", "--all", "--quiet", *mine).stdout.split()
        if containers:
            self._run("podman", "rm", "--force", "--time", "5", *containers)
        volumes = self._run("podman", "volume", "ls", "--quiet", *mine).stdout.split()
        if volumes:
            self._run("podman", "volume", "rm", "--force", *volumes)

    def __enter__(self) -> Stack:
        self._sweep()
        subprocess.run(["ip", "netns", "add", NAMESPACE], check=True)
        subprocess.run(["ip", "-n", NAMESPACE, "link", "set", "lo", "up"], check=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.compose("--profile", "monitoring", "down", "--volumes", "--timeout", "30", check=False)
        self._sweep()
        subprocess.run(["ip", "netns", "delete", NAMESPACE], check=True)

    def build(self) -> list[str]:
        """Make every image; the names of the bases that were stood in for."""
        names = make_bases(dockerfile=HOME / "Dockerfile", scratch=self.scratch)
        for target in TARGETS:
            # Outside the stack's namespace, which has no way to the package index.
            tag = f"ghostwire/{target}:0.1.0"
            self._run("podman", "build", "--network", "host", "--target", target, "--tag", tag, ".")
        return names

    def up(self) -> None:
        """What ``docker compose up`` does; returns once every part says that it is well."""
        profile = ("--profile", "monitoring")
        self.compose(*profile, "up", "--detach", "--no-build", "--scale", f"edge={self.edges}", *ALL)
        self.wait_until_well()

    def wait_until_well(self) -> None:
        """Wait for the health check of each container, called by hand: there is no systemd to call it."""
        for name in self.names():
            self.until(partial(self.is_well, name), f"{name} is well")

    def is_well(self, name: str) -> bool:
        """Whether a container's health check says so."""
        return self.podman("healthcheck", "run", name, check=False).returncode == 0

    def names(self) -> list[str]:
        """The containers that run on, in the order of SERVERS."""
        listed = json.loads(self.podman("ps", "--all", "--format", "json").stdout)
        found = sorted(str(entry["Names"][0]) for entry in listed)
        return [name for server in SERVERS for name in found if name.startswith(f"ghostwire_{server}_")]

    def log(self, name: str) -> str:
        """What a container printed."""
        said = self.podman("logs", name)
        return said.stdout + said.stderr

    def manage(self, *words: str) -> str:
        """A command of manage.py, as ``docker compose exec portal`` runs it."""
        inside = ("/app/deploy/run.sh", *words)
        return self.podman("exec", "ghostwire_portal_1", *inside).stdout

    def sockets(self, name: str) -> int:
        """How many agents are connected to an edge, as its metrics say."""
        read = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8080/metrics').read().decode())"
        text = self.podman("exec", name, "python", "-c", read).stdout
        return sum(
            round(float(line.split()[-1])) for line in text.splitlines() if line.startswith("ghostwire_agent_sockets")
        )

    def ask_prometheus(self, call: str, **fields: str) -> Any:
        """What Prometheus' API answers, its envelope taken off."""
        url = f"http://127.0.0.1:9090/api/v1/{call}?{urlencode(fields)}"
        said = self.podman("exec", "ghostwire_prometheus_1", "wget", "--quiet", "--output-document=-", url, check=False)
        return json.loads(said.stdout)["data"] if said.returncode == 0 else None

    def restart(self, name: str) -> None:
        """Stop a container by its own signal and start it again."""
        self.podman("restart", "--time", "30", name)

    def podman(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run podman in the stack's namespace."""
        return self._run(*self._inside, "podman", *words, check=check)

    def compose(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run podman-compose over the stack's files."""
        return self._run(*self._inside, sys.executable, "-m", "podman_compose", *FILES, *words, check=check)

    def until(self, true: Callable[[], Any], what: str, *, seconds: float = PATIENCE) -> Any:
        """Wait for something."""
        deadline = time.monotonic() + seconds
        while not (found := true()):
            assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
            time.sleep(0.5)
        return found

    def _run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, cwd=HOME, env=self.environment, timeout=1800
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(words)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done
