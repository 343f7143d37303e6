"""Base images under the names that the Dockerfile asks for, made of Debian's packages."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

MIRROR: Final = "http://deb.debian.org/debian"
PACKAGES: Final = ("python3.11", "python3.11-venv", "postgresql-15", "redis-server", "caddy", "wget", "prometheus")
STAND_IN: Final = f"localhost/ghostwire-stand-in:{hashlib.sha256(repr(PACKAGES).encode()).hexdigest()[:12]}"
NOT_HERE: Final = ("grafana/grafana",)
"""Images that Debian's packages cannot stand in for; the services that need them are not brought up."""
PROMETHEUS: Final = "prom/prometheus"
# What its image does by itself, and GhostWire's leaves to it.
_PROMETHEUS: Final = f"""
FROM {STAND_IN}
RUN install -d -o nobody -g nogroup /prometheus /etc/prometheus
WORKDIR /prometheus
USER nobody
ENTRYPOINT ["/usr/bin/prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
"""
# What the real images set: where PostgreSQL's programs are, and where Caddy keeps its files.
ENVIRONMENT: Final = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/15/bin",
    "PGDATA": "/var/lib/postgresql/data",
    "XDG_CONFIG_HOME": "/config",
    "XDG_DATA_HOME": "/data",
}


def make_bases(*, dockerfile: Path, scratch: Path) -> list[str]:
    """Make the stand-in image unless it is there, and tag it with every base that the Dockerfile names."""
    if run("podman", "image", "exists", STAND_IN, check=False).returncode:
        _import(_root_filesystem(scratch / "rootfs"))
    names = [name for name in bases(dockerfile.read_text()) if not name.startswith(NOT_HERE)]
    for name in names:
        whole = f"docker.io/{name if '/' in name else f'library/{name}'}"
        if name.startswith(PROMETHEUS):
            run("podman", "build", "--tag", whole, "-", given=_PROMETHEUS)
        else:
            run("podman", "tag", STAND_IN, whole)
    return names


def bases(dockerfile: str) -> list[str]:
    """List the images that a Dockerfile starts from, without its own stages."""
    found = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", dockerfile, re.MULTILINE)
    stages = {stage for _, stage in found}
    return list(dict.fromkeys(name for name, _ in found if name not in stages))


def _root_filesystem(root: Path) -> Path:
    if root.exists():
        shutil.rmtree(root)
    root.parent.mkdir(parents=True, exist_ok=True)
    run("debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", str(root), MIRROR)
    # Whatever authorities this host trusts: behind a proxy that opens TLS, packages come no other way.
    shutil.copytree("/usr/local/share/ca-certificates", root / "usr/local/share/ca-certificates", dirs_exist_ok=True)
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    inside = ("chroot", str(root), "env", "DEBIAN_FRONTEND=noninteractive")
    run(*inside, "update-ca-certificates")
    run(*inside, "apt-get", "install", "-y", "-q", "--no-install-recommends", *PACKAGES)
    run(*inside, "apt-get", "clean")
    for folder in ("var/lib/postgresql/data", "data", "config", "etc/caddy"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    run(*inside, "chown", "postgres:postgres", "/var/lib/postgresql/data")
    return root


def _import(root: Path) -> None:
    changes = [f"--change=ENV {name}={value}" for name, value in ENVIRONMENT.items()]
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
        subprocess.run(["podman", "import", *changes, "-", STAND_IN], stdin=tar.stdout, check=True)
    shutil.rmtree(root)


def run(*command: str, check: bool = True, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command; what it prints is kept, and shown if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, input=given)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done
