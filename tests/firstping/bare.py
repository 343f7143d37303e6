"""A Debian as bare as it gets, and machines that have nothing else."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import IO, Any, Final

from demo.lab import Lab, Machine, die_with_parent

MIRROR: Final = "http://deb.debian.org/debian"
SECURITY: Final = "http://deb.debian.org/debian-security"
AUTHORITIES: Final = Path("/usr/local/share/ca-certificates")
ROUTER: Final = "192.0.2.254"
RESOLVER: Final = "10.0.2.3"
"""Where slirp4netns answers for names."""
# Nothing of the person who runs this: what a login on the console finds.
ENVIRONMENT: Final = (
    "HOME=/root",
    "LANG=C.UTF-8",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "TERM=dumb",
)
# The first process of a machine: its root is the bare Debian with a layer on top that is the machine's own.
_HOLDER: Final = """
set -e
mount --make-rprivate /
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=$ROOT,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm dev/net
ln -s /proc/self/fd dev/fd
for node in null zero full random urandom tty net/tun; do : >"dev/$node"; mount --bind "/dev/$node" "dev/$node"; done
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t tmpfs -o mode=755 tmpfs run
ip link set lo up
hostname "$2"
echo "$2" >etc/hostname
printf '127.0.0.1\\tlocalhost\\n::1\\tlocalhost\\n127.0.1.1\\t%s\\n' "$2" >etc/hosts
echo 'nameserver $RESOLVER' >etc/resolv.conf
pivot_root . mnt
exec chroot . sh -c 'umount -l /mnt; echo ready; exec sleep infinity'
"""


def bare_root(folder: Path, release: str) -> Path:
    """The root of a Debian of that release with the packages that it cannot be without; made once in ``folder``."""
    root = folder / release
    if root.exists():
        return root
    beside = folder / f".{release}-new"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    _run("debootstrap", "--variant=minbase", release, str(beside), MIRROR)
    (beside / "etc/apt/sources.list").write_text(
        f"deb {MIRROR} {release} main\ndeb {MIRROR} {release}-updates main\ndeb {SECURITY} {release}-security main\n"
    )
    # As an image comes: without lists of packages.
    shutil.rmtree(beside / "var/lib/apt/lists")
    (beside / "var/lib/apt/lists").mkdir()
    _run("chroot", str(beside), "apt-get", "clean")
    # Whatever authorities this host trusts: behind a proxy that opens TLS, PyPI is reached no other way.
    if AUTHORITIES.is_dir() and any(AUTHORITIES.iterdir()):
        shutil.copytree(AUTHORITIES, beside / AUTHORITIES.relative_to("/"), dirs_exist_ok=True)
        (beside / "etc/pip.conf").write_text("[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n")
    beside.rename(root)
    return root


def missing_tools() -> str | None:
    """What this machine lacks for bare machines, or None if it has all."""
    missing = [tool for tool in ("debootstrap", "slirp4netns", "pivot_root", "git") if shutil.which(tool) is None]
    return f"needs {', '.join(missing)}: apt install debootstrap slirp4netns git" if missing else None


class BareLab(Lab):
    """Bare machines on a bridge, with a router on it that leads to where this machine can go."""

    def __init__(self, root: Path, folder: Path) -> None:
        holder = _HOLDER.replace("$ROOT", shlex.quote(str(root))).replace("$RESOLVER", RESOLVER)
        super().__init__(holder=holder, folder=folder)
        self._way_out: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> BareLab:
        super().__enter__()
        try:
            self._open_way_out()
        except BaseException:
            self.close()
            raise
        return self

    def add(self, name: str) -> Machine:
        """A bare machine."""
        machine = super().add(name)
        self.on_net(machine.pid, "ip", "route", "add", "default", "via", ROUTER)
        return machine

    def close(self) -> None:
        """End everything and leave nothing."""
        if self._way_out is not None:
            self._way_out.kill()
            self._way_out.wait()
        super().close()

    def _open_way_out(self) -> None:
        ready, tell = os.pipe()
        words = ["slirp4netns", "--configure", "--disable-host-loopback", "--mtu=65520", f"--ready-fd={tell}"]
        words += [str(self.bridge), "tap0"]
        quiet = subprocess.DEVNULL
        self._way_out = subprocess.Popen(
            words,
            stdout=quiet,
            stderr=quiet,
            pass_fds=(tell,),
            preexec_fn=die_with_parent,  # noqa: PLW1509
        )
        os.close(tell)
        with os.fdopen(ready) as signal:
            if not signal.read():
                raise RuntimeError("slirp4netns made no way out.")
        self.on_net(self.bridge, "ip", "address", "add", f"{ROUTER}/24", "dev", "lan")
        self.on_net(self.bridge, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
        rules = "table ip nat { chain out { type nat hook postrouting priority 100; oifname tap0 masquerade; }; }"
        self.on_net(self.bridge, "nft", rules.replace("table", "add table", 1))


def place(machine: Machine) -> Path:
    """The root of a machine's files, as this process sees it."""
    return Path(f"/proc/{machine.pid}/root")


def type_in(machine: Machine, line: str) -> subprocess.Popen[Any]:
    """Run a line on a machine as root at its shell would; what it says comes from ``stdout``, errors too."""
    words = ("env", "--chdir=/root", "-i", *ENVIRONMENT, "sh", "-c", line)
    return machine.start(*words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def output(child: subprocess.Popen[Any]) -> IO[str]:
    """What a line says, line by line."""
    assert child.stdout is not None
    return child.stdout


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
