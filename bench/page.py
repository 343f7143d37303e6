"""The results as a page of its own: a table, and how much of each budget was used."""

from __future__ import annotations

import re
from html import escape
from typing import Any, Final

_NUMBER: Final = re.compile(r"\d[\d,]*(?:\.\d+)?")
_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1c2430; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .3rem .8rem .3rem 0; }
tr + tr td { border-top: 1px solid #e3e7ec; } .n { text-align: right; white-space: nowrap; }
.bar { fill: #2f855a; } .over { fill: #c53030; } .limit { stroke: #1c2430; stroke-dasharray: 2 2; }
"""
WIDTH: Final = 200
SHOWN: Final = 2.0
"""Times the budget that the plot reaches; what is beyond is cut there."""


def page(results: dict[str, Any]) -> str:
    """An HTML document. ``results`` is what ``latest.json`` holds."""
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>GhostWire bench</title>',
        f"<style>{_STYLE}</style><h1>GhostWire bench</h1>",
        f"<p>Python {escape(results['python'])}, {results['processors']} processors. ",
        "The dashed line is the budget; where more is better, the bar shows budget over figure.</p>",
    ]
    for name, bench in results["benches"].items():
        rows = "".join(_row(row) for row in bench["rows"])
        parts.append(f"<h2>{escape(name)}</h2><p>{escape(bench['at'])}, {bench['seconds']} s</p><table>{rows}</table>")
    return "".join(parts) + "</html>\n"


def _row(row: dict[str, Any]) -> str:
    used = share_used(row["figure"], row["budget"], met=row["met"])
    cells = f"<td>{escape(row['what'])}<td class=n>{escape(row['figure'])}<td class=n>{escape(row['budget'])}"
    return f"<tr>{cells}<td>{'' if used is None else _bar(used, met=row['met'])}"


def share_used(figure: str, budget: str, *, met: bool) -> float | None:
    """How much of its budget a figure uses; None where one of them has no number.

    Whether more or less is better is not written beside a figure: it follows from whether the budget was met.
    """
    numbers = [_NUMBER.search(text) for text in (figure, budget)]
    if numbers[0] is None or numbers[1] is None:
        return None
    value, limit = (float(found[0].replace(",", "")) for found in numbers if found is not None)
    if not value or not limit:
        return None
    share = value / limit
    return share if (share <= 1) == met else 1 / share


def _bar(share: float, *, met: bool) -> str:
    length = min(share, SHOWN) / SHOWN * WIDTH
    limit = WIDTH / SHOWN
    return (
        f'<svg width="{WIDTH}" height="14" role="img" aria-label="{share:.0%} of the budget">'
        f'<rect class="{"bar" if met else "over"}" width="{length:.1f}" height="14"/>'
        f'<line class="limit" x1="{limit}" x2="{limit}" y2="14"/></svg>'
    )
