"""Tells hatchling what the agent's wheel holds: this folder as the package ``agent``, and what it needs of ``mesh``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))  # hatchling runs this file alone, outside of its package
from wheel_files import wheel_files  # type: ignore[import-not-found]


class AgentFiles(BuildHookInterface):  # type: ignore[type-arg]
    """The hook."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files."""
        build_data["force_include"] |= {str(path): place for path, place in wheel_files(Path(self.root)).items()}
