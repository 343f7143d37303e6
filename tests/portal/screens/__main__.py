"""Takes the pictures; see the package."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import django

STATES = ("usual", "empty", "loading", "error", "huge")


def main() -> None:
    """Build the sample in a test database, serve it from this process, and take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.portal.screens", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="Only these.")
    parser.add_argument("--state", choices=STATES, default="usual")
    parser.add_argument("--theme", choices=("light", "dark"))
    parser.add_argument("--size", choices=("wide", "phone"))
    asked = parser.parse_intermixed_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from tests.portal.screens.camera import Camera
    from tests.portal.screens.states import TAKE

    themes = [asked.theme] if asked.theme else ["light", "dark"]
    sizes = [asked.size] if asked.size else ["wide", "phone"]
    TAKE[asked.state](Camera(asked.folder, frozenset(asked.pages), themes, sizes))


if __name__ == "__main__":
    main()
