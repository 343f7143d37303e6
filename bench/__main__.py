"""``make bench``: all benches, each in a process of its own, one table, ``bench/results/latest.json`` and a page.

``python -m bench netmap push`` runs those alone; what they came to replaces their part of the results.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench.page import page

MODULES: Final = ("policy", "netmap", "replica", "heartbeats", "push", "registrations", "addresses", "pages")
RESULTS: Final = Path(__file__).parent / "results"
_ONE: Final = "import importlib, json, sys; print(json.dumps(importlib.import_module('bench.' + sys.argv[1]).run()))"


def main(wanted: list[str]) -> int:
    """Run, print and write down. The exit code says whether every bench ran, not whether budgets were met."""
    unknown = set(wanted) - set(MODULES)
    if unknown:
        print(f"There is no bench {', '.join(sorted(unknown))}: {', '.join(MODULES)}", file=sys.stderr)
        return 2
    latest = RESULTS / "latest.json"
    parts: dict[str, Any] = json.loads(latest.read_text())["benches"] if latest.exists() else {}
    failed = []
    for name in wanted or MODULES:
        began = time.monotonic()
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows = measure(name)
        if rows is None:
            failed.append(name)
            continue
        seconds = round(time.monotonic() - began)
        parts[name] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "seconds": seconds, "rows": rows}
        print_rows(rows)
    results = {"python": platform.python_version(), "processors": _processors(), "benches": parts}
    RESULTS.mkdir(exist_ok=True)
    latest.write_text(json.dumps(results, indent=1) + "\n")
    (RESULTS / "latest.html").write_text(page(results))
    if failed:
        print(f"These did not run to their end: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def measure(name: str) -> list[dict[str, Any]] | None:
    """Run one bench; its rows, or None if it failed. What it says on the way goes to the terminal."""
    done = subprocess.run([sys.executable, "-c", _ONE, name], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return None
    rows = json.loads(done.stdout.splitlines()[-1])
    return [dict(zip(("what", "figure", "budget", "met"), row, strict=True)) for row in rows]


def print_rows(rows: list[dict[str, Any]]) -> None:
    """One line each: verdict, what, figure, budget."""
    width = max(len(row["what"]) for row in rows)
    for row in rows:
        verdict = "ok  " if row["met"] else "OVER"
        print(f"{verdict}  {row['what']:{width}}  {row['figure']:>28}   budget {row['budget']}", flush=True)


def _processors() -> int:
    return len(os.sched_getaffinity(0))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
