"""The command: tells the story twice, with and without downloading, and writes down how long each part took."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from demo.lab import why_unavailable
from tests.firstping.bare import BareLab, bare_root, missing_tools
from tests.firstping.story import HOME, Parts, Story

OUTPUT: Final = HOME / "docs" / "first-ping.txt"
GOAL: Final = 120.0


def main() -> int:
    """Run it, print the table and keep it."""
    parser = argparse.ArgumentParser(description="Time the way from nothing to the first ping, on bare machines.")
    parser.add_argument("--folder", type=Path, default=HOME / "build" / "firstping", help="where bare roots are kept")
    parser.add_argument("--release", default="bookworm", help="Debian's release (default: bookworm)")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where the table is kept")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through the lab's end
    lacking = why_unavailable() or missing_tools()
    if lacking:
        print(f"This machine {lacking}.", file=sys.stderr)
        return 2
    root = bare_root(given.folder.absolute(), given.release)
    with tempfile.TemporaryDirectory(dir=given.folder) as scratch:
        repository = Path(scratch) / "ghostwire.git"
        subprocess.run(["git", "clone", "--quiet", "--bare", str(HOME), str(repository)], check=True)
        runs = []
        for _ in range(2):
            with BareLab(root, Path(scratch)) as lab:
                story = Story(lab, repository, Path(scratch) / "caches")
                story.tell()
            runs.append(story)
    text = table(runs[0], runs[1], given.release)
    print(text)
    given.output.write_text(text, encoding="utf-8")
    return 0 if runs[0].total <= GOAL else 1


def table(cold: Story, warm: Story, release: str) -> str:
    """What is kept: each part's seconds in both runs."""
    again = {**dict(warm.times), "in all": warm.total}
    rows: Parts = [*cold.times, ("in all", cold.total)]
    lines = [
        f"From a bare Debian ({release}, minbase) to the first ping, {time.strftime('%Y-%m-%d', time.gmtime())}.",
        f"Three machines share {os.cpu_count()} cores; the load average was {cold.load:.1f} before the first run and "
        f"{warm.load:.1f} before the second.",
        "Four steps, typed one after the other as they can be: README's line on the server; the line that it prints,",
        "on each of two machines; and a ping. Installed are Debian's and Python's packages from their usual servers.",
        "",
        f"{'seconds':<40}{'downloading':>12}{'downloaded before':>20}",
        *(f"{name:<40}{seconds:>12.1f}{_number(again.get(name)):>20}" for name, seconds in rows),
        "",
        "Both machines reach each other by name, over the mesh.",
    ]
    return "\n".join([*lines, ""])


def _number(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f}"


if __name__ == "__main__":
    sys.exit(main())
