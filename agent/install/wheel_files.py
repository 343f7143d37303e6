"""Which files make the agent's wheel. Imports nothing, so that the build hook and the collector can both ask."""

from __future__ import annotations

from pathlib import Path

LEFT_OUT = frozenset({"tests", "install", "build", "dist", "__pycache__"})
SHARED = (
    "mesh/__init__.py",
    "mesh/errors.py",
    "mesh/stun.py",
    "mesh/keys",
    "mesh/netmap/__init__.py",
    "mesh/netmap/apply.py",
)


def wheel_files(agent: Path) -> dict[Path, str]:
    """Where each file of the wheel comes from, and its place in it. ``agent`` is this package's folder."""
    files = {
        path: f"agent/{path.relative_to(agent).as_posix()}"
        for path in sorted(agent.rglob("*"))
        if path.suffix in (".py", ".json") and not LEFT_OUT.intersection(path.relative_to(agent).parts)
    }
    house = agent.parent
    for name in SHARED:
        found = [house / name] if (house / name).is_file() else sorted((house / name).glob("*.py"))
        files |= {path: path.relative_to(house).as_posix() for path in found}
    return files
