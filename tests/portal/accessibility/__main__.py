"""Looks at every page in every state, in both themes, wide and at phone width; prints what is wrong.

``python -m tests.portal.accessibility [--state STATE] [PAGE ...]``; the states are those of the pictures, and
``opened``. Tests look at each page in half of these windows. Exits with 1 where something is wrong.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
from pathlib import Path

import django

STATES = ("usual", "opened", "empty", "error")


def main() -> None:
    """Look, and say."""
    parser = argparse.ArgumentParser(prog="python -m tests.portal.accessibility", description=__doc__)
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="Only these.")
    parser.add_argument("--state", choices=STATES, help="Only this; all of them, one after the other, without it.")
    asked = parser.parse_intermixed_args()
    if asked.state is None:  # A process can make one sample and no more.
        again = [sys.executable, "-m", "tests.portal.accessibility", *asked.pages, "--state"]
        sys.exit(max(subprocess.run([*again, state], check=False).returncode for state in STATES))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    logging.disable(logging.CRITICAL)
    from tests.portal.accessibility.inspector import Inspector
    from tests.portal.accessibility.opened import OPENED
    from tests.portal.sample import build
    from tests.portal.screens.states import TAKE
    from tests.portal.served import served

    seen = Inspector(Path(), frozenset(asked.pages), ("light", "dark"), ("wide", "phone"))
    if asked.state == "opened":
        with served(build) as (url, cookie, _sample):
            seen.take(url, cookie, OPENED)
    else:
        TAKE[asked.state](seen)
    for fault, pages in sorted(seen.faults.items()):
        shown = ", ".join(pages[:5]) + (f" and {len(pages) - 5} more" if len(pages) > 5 else "")
        print(f"{fault}\n    on {shown}")  # noqa: T201 - a script
    sys.exit(1 if seen.faults else 0)


if __name__ == "__main__":
    main()
