"""``make bench``: all benches, one table, and ``bench/results/latest.json``."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from pathlib import Path

from bench import addresses, netmap

RESULTS = Path(__file__).parent / "results" / "latest.json"


def main() -> None:
    """Run, print and write down."""
    rows = [*netmap.run(), *addresses.run()]
    width = max(len(what) for what, *_ in rows)
    for what, figure, budget, met in rows:
        print(f"{'ok  ' if met else 'OVER'}  {what:{width}}  {figure:>24}   budget {budget}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(
        json.dumps(
            {
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "python": platform.python_version(),
                "rows": [dict(zip(("what", "figure", "budget", "met"), row, strict=True)) for row in rows],
            },
            indent=1,
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
