"""Where the test vectors lie: beside the checkout, not in it. Tests over them skip by name where they are absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[3] / "shared" / "vectors"


def load_vectors(name: str) -> Any:
    """The parsed JSON of one file of vectors, or a skip that names the file."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"the test vectors {name} are not in ../shared/vectors")
    return json.loads(path.read_text(encoding="utf-8"))
