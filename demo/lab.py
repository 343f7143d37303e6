"""Machines in miniature: each in network, mount, process and host name namespaces of its own, joined by a bridge.

A machine has its own ``/etc``, ``/usr/local``, ``/opt``, ``/run`` and ``/var/lib`` (overlays that nobody else sees), so
that an agent is installed and run on it as it would be on a real one. Nothing is left when the lab ends: a namespace
and all its processes go with its first process, and the kernel ends that one if the lab itself is killed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final

_TOOLS: Final = ("unshare", "nsenter", "ip", "mount")
_OVERLAID: Final = ("/etc", "/usr/local", "/opt", "/var/lib")
_READY: Final = "ready"
# The holder of a machine: mounts what is its own, says so, and waits for its end. /proc of the outer world would show
# outer processes, which is why it is mounted anew by ``unshare``.
_HOLDER: Final = """
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
for place in /etc /usr/local /opt /var/lib; do
    mkdir -p "$1/upper$place" "$1/work$place"
    mount -t overlay overlay -o "lowerdir=$place,upperdir=$1/upper$place,workdir=$1/work$place" "$place"
done
mount -t tmpfs tmpfs /run
hostname "$2"
printf '127.0.0.1\\tlocalhost\\n::1\\tlocalhost ip6-localhost\\n127.0.1.1\\t%s\\n' "$2" > /etc/hosts
rm -f /etc/resolv.conf; : > /etc/resolv.conf
ip link set lo up
echo ready
exec sleep infinity
"""
_BRIDGE_HOLDER: Final = """
set -e
ip link set lo up
ip link add lan type bridge
ip link set lan up
echo ready
exec sleep infinity
"""


class LabUnavailableError(Exception):
    """This machine cannot hold a lab; the text says what it lacks."""


def why_unavailable() -> str | None:
    """What this machine lacks for a lab, or None if it has all."""
    if os.geteuid() != 0:
        return "needs root for namespaces"
    missing = [tool for tool in (*_TOOLS, "nft", "wireguard-go") if shutil.which(tool) is None]
    if missing:
        return f"needs {', '.join(missing)}"
    if not Path("/dev/net/tun").exists():
        return "needs /dev/net/tun"
    if "overlay" not in Path("/proc/filesystems").read_text(encoding="ascii"):
        return "needs the overlay file system"
    return None


@dataclass(slots=True)
class Machine:
    """One machine of the lab. ``pid`` is its first process, as this process sees it."""

    name: str
    pid: int
    address: str
    address6: str
    children: list[subprocess.Popen[Any]] = field(default_factory=list)

    def command(self, words: Sequence[str]) -> list[str]:
        """The words that run something on this machine."""
        return ["nsenter", "--target", str(self.pid), "--net", "--mount", "--uts", "--pid", "--", *words]

    def run(
        self,
        *words: str,
        check: bool = True,
        timeout: float = 120.0,
        given: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run something to its end; its output is in the result, and in the error where ``check`` fails."""
        result = subprocess.run(  # noqa: S603 - the words are the lab's own
            self.command(words),
            input=given,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=_environment(environment),
        )
        if check and result.returncode != 0:
            raise AssertionError(
                f"{self.name}: {' '.join(words)} ended with {result.returncode}\n{result.stdout}{result.stderr}"
            )
        return result

    def start(self, *words: str, environment: Mapping[str, str] | None = None, **kind: Any) -> subprocess.Popen[Any]:
        """Start something that runs on; it ends with the lab at the latest."""
        child = subprocess.Popen(  # noqa: S603
            self.command(words), env=_environment(environment), **kind
        )
        self.children.append(child)
        return child


class Lab:
    """A bridge and the machines on it. Use it as a context manager: the end always clears up.

    ``holder`` is what the first process of a machine does, in sh; its words are a folder for what is the machine's own,
    and the machine's name. ``folder``: where these folders are made.
    """

    def __init__(self, *, holder: str = _HOLDER, folder: Path | None = None) -> None:
        self.holder = holder
        self.machines: dict[str, Machine] = {}
        self._holders: list[subprocess.Popen[str]] = []
        self._places = Path(tempfile.mkdtemp(prefix="ghostwire-lab-", dir=folder))
        self.bridge = 0

    def __enter__(self) -> Lab:
        lacks = why_unavailable()
        if lacks is not None:
            self.close()
            raise LabUnavailableError(f"A lab {lacks}.")
        try:
            self.bridge = self._hold(["--net"], _BRIDGE_HOLDER, [])
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, name: str) -> Machine:
        """A new machine on the bridge, with an address of 192.0.2.0/24 and one of 2001:db8:2::/64."""
        number = len(self.machines) + 1
        place = self._places / name
        place.mkdir()
        pid = self._hold(["--net", "--mount", "--uts", "--pid", "--mount-proc"], self.holder, [str(place), name])
        machine = Machine(name, pid, f"192.0.2.{number}", f"2001:db8:2::{number:x}")
        # Made inside the bridge's namespace, so that nothing of it is ever seen outside.
        port = f"port{number}"
        self._in_bridge("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
        self._in_bridge("ip", "link", "set", port, "master", "lan", "up")
        # By this machine's own tool: the new one may have none.
        self.on_net(pid, "ip", "address", "add", f"{machine.address}/24", "dev", "eth0")
        self.on_net(pid, "ip", "address", "add", f"{machine.address6}/64", "dev", "eth0", "nodad")
        self.on_net(pid, "ip", "link", "set", "eth0", "up")
        self.machines[name] = machine
        return machine

    def join(self, namespace: str, address: str) -> None:
        """Join a named network namespace (``ip netns``) to the bridge, at an address of 192.0.2.0/24."""
        port = f"port-{namespace}"[:15]
        self._in_bridge("ip", "link", "add", port, "type", "veth", "peer", "name", "lan0", "netns", namespace)
        self._in_bridge("ip", "link", "set", port, "master", "lan", "up")
        for words in (("address", "add", f"{address}/24", "dev", "lan0"), ("link", "set", "lan0", "up")):
            subprocess.run(["ip", "-n", namespace, *words], check=True)  # noqa: S603, S607

    def close(self) -> None:
        """End everything and leave nothing."""
        for machine in self.machines.values():
            for child in machine.children:
                if child.poll() is None:
                    child.send_signal(signal.SIGTERM)
        for machine in self.machines.values():
            for child in machine.children:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(10)
        for holder in self._holders:
            holder.kill()
            holder.wait()
        for machine in self.machines.values():
            for child in machine.children:
                child.kill()
                child.wait()
        self.machines.clear()
        self._holders.clear()
        shutil.rmtree(self._places, ignore_errors=True)

    def _hold(self, kinds: list[str], script: str, arguments: list[str]) -> int:
        """Start a first process in new namespaces; its process id as seen from here."""
        holder = subprocess.Popen(  # noqa: S603
            ["unshare", *kinds, "--fork", "--kill-child=KILL", "sh", "-c", script, "holder", *arguments],  # noqa: S607
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509
        )
        self._holders.append(holder)
        assert holder.stdout is not None and holder.stderr is not None
        if holder.stdout.readline().strip() != _READY:
            raise LabUnavailableError(f"A lab could not be made: {holder.stderr.read().strip()}")
        children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text(encoding="ascii").split()
        return int(children[0])

    def on_net(self, pid: int, *words: str) -> None:
        """Run a program of this machine in the network namespace of a process."""
        subprocess.run(["nsenter", "--target", str(pid), "--net", "--", *words], check=True)  # noqa: S603, S607

    def _in_bridge(self, *words: str) -> None:
        self.on_net(self.bridge, *words)


def _environment(given: Mapping[str, str] | None) -> dict[str, str]:
    """What a machine's processes find: this one's environment, but not how a portal is configured here."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GHOSTWIRE_")} | dict(given or {})


def die_with_parent() -> None:
    """In the child: end with the lab's own process, however that ends (prctl(2), PR_SET_PDEATHSIG)."""
    import ctypes  # noqa: PLC0415 - only after the fork

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def python() -> str:
    """This interpreter, for machines of the lab: they see the same programs."""
    return sys.executable
