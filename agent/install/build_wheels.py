"""Collects what the portal serves to machines: the agent's wheel, its dependencies' and pip's, and a list of them.

``python agent/install/build_wheels.py [--output build/agent]`` leaves in the output folder ``wheels.json`` and
``wheels/*.whl``. Nothing is done where nothing changed. Uses the network through pip alone, and only for what pip has
not cached; every dependency is pinned by hash in ``agent/requirements.lock``.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from agent.install.wheel_files import wheel_files

AGENT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = AGENT / "requirements.lock"
DEFAULT_OUTPUT: Final = AGENT.parent / "build" / "agent"
# Machines often have another Python than the portal's: Debian 12 has 3.11, Ubuntu 24.04 3.12, Debian 13 3.13.
OTHER_PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
_GLIBC_TAGS: Final = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")
_STAMP: Final = "stamp"


def build(output: Path = DEFAULT_OUTPUT, *, pythons: tuple[str, ...] = OTHER_PYTHONS) -> bool:
    """Bring the output folder up to date; False if it was. The old content stays until the new is whole.

    ``pythons``: versions besides the running one; wheels for them that cannot be had are left out with a warning,
    and such machines then fetch from PyPI.

    :raises subprocess.CalledProcessError: if a wheel for the running Python cannot be built or fetched
    """
    stamp = fingerprint(pythons)
    if (output / "wheels.json").exists() and _read(output / _STAMP) == stamp:
        return False
    output.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    try:
        beside.chmod(0o755)
        wheels = beside / "wheels"
        wheels.mkdir()
        _build_agent(wheels)
        _download(wheels, None)
        running = f"{sys.version_info.major}.{sys.version_info.minor}"
        with ThreadPoolExecutor() as pool:
            for python, trouble in pool.map(lambda version: _try_download(wheels, version), set(pythons) - {running}):
                if trouble:
                    sys.stderr.write(f"No agent wheels for Python {python} (machines fetch from PyPI): {trouble}\n")
        (beside / "wheels.json").write_text(json.dumps(listing(wheels), indent=1) + "\n", encoding="utf-8")
        (beside / _STAMP).write_text(stamp, encoding="utf-8")
        _swap(beside, output)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return True


def listing(wheels: Path) -> list[dict[str, str]]:
    """The content of ``wheels.json``: each wheel's file name, its place relative to the list, and its SHA-256."""
    return [
        {"name": path.name, "url": f"wheels/{path.name}", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in sorted(wheels.glob("*.whl"))
    ]


def fingerprint(pythons: tuple[str, ...]) -> str:
    """What the output depends on: the wheel's files, the lock, this script, the Pythons and the platform."""
    digest = hashlib.sha256(repr((sys.version_info[:2], sorted(pythons), platform.machine(), os.name)).encode())
    paths = [AGENT / "pyproject.toml", AGENT / "README.md", LOCK, Path(__file__), *wheel_files(AGENT)]
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{path.name}:{len(content)}:".encode() + content)
    return digest.hexdigest()


def _build_agent(wheels: Path) -> None:
    """Build with the hatchling at hand; without one pip fetches it for the occasion."""
    isolation = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    _pip("wheel", "--no-deps", *isolation, "--wheel-dir", str(wheels), str(AGENT))


def _download(wheels: Path, python: str | None) -> None:
    chosen = []
    if python is not None:
        tags = [f"{tag}_{platform.machine()}" for tag in _GLIBC_TAGS]
        chosen = ["--python-version", python, *(word for tag in tags for word in ("--platform", tag))]
    # The lock is whole: there is nothing to resolve, once for each Python.
    words = ("--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", str(wheels), "-r", str(LOCK))
    _pip("download", *chosen, *words)


def _try_download(wheels: Path, python: str) -> tuple[str, str]:
    try:
        _download(wheels, python)
    except subprocess.CalledProcessError as error:
        return python, next(iter(str(error.stderr).strip().splitlines()[-1:]), "pip failed")
    return python, ""


def _pip(*words: str) -> None:
    subprocess.run(  # noqa: S603
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *words],
        check=True,
        capture_output=True,
        text=True,
    )


def _swap(new: Path, old: Path) -> None:
    if old.exists():
        gone = old.with_name(f".{old.name}-old-{os.getpid()}")
        old.rename(gone)
        new.rename(old)
        shutil.rmtree(gone, ignore_errors=True)
    else:
        new.rename(old)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def main() -> int:
    """The command line; says what is wrong in pip's own words."""
    parser = argparse.ArgumentParser(description="Collect the wheels that the portal serves to machines.")
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT, help="folder to fill (default: build/agent)")
    parser.add_argument("--only-this-python", action="store_true", help="no wheels for other versions of Python")
    given = parser.parse_args()
    try:
        changed = build(given.output.absolute(), pythons=() if given.only_this_python else OTHER_PYTHONS)
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"The agent's wheels could not be collected:\n{error.stderr}\n")
        return 1
    sys.stdout.write(f"{given.output}: {'collected' if changed else 'up to date'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
