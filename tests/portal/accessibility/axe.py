"""What axe-core says about a page: the rules of WCAG 2.2 A and AA, and what is good practice besides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

SOURCE: Final = Path(__file__).parent / "axe-core" / "axe.min.js"
TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")

_RUN: Final = """
async ([tags, left]) => {
    const found = await axe.run({include: [["html"]], exclude: left.map((selector) => [selector])}, {
        runOnly: {type: "tag", values: tags}, resultTypes: ["violations"], preload: false,
    });
    return found.violations.map(({id, impact, help, nodes}) => ({
        id, impact, help,
        nodes: nodes.map((node) => ({
            html: node.html, target: node.target.flat().join(" "),
            why: [...node.any, ...node.all, ...node.none].map((check) => check.message),
        })),
    }));
}
"""


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule that some elements of a page break. ``impact``: minor, moderate, serious or critical."""

    rule: str
    impact: str
    help: str
    elements: tuple[str, ...]

    def __str__(self) -> str:
        shown = "\n".join(f"    {element}" for element in self.elements[:6])
        more = f"\n    and {len(self.elements) - 6} more" if len(self.elements) > 6 else ""
        return f"{self.impact}: {self.rule}: {self.help}\n{shown}{more}"


@cache
def _source() -> str:
    return SOURCE.read_text(encoding="utf-8")


def violations(page: Page, *, leave: tuple[str, ...] = ()) -> list[Violation]:
    """Run axe-core, all its rules, in a page as it stands, but for what the selectors of ``leave`` name.

    The script comes over the browser's debugging connection, so the page's Content-Security-Policy stays in force.
    """
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_source())
    return [_violation(found) for found in page.evaluate(_RUN, [list(TAGS), list(leave)])]


def _violation(found: dict[str, Any]) -> Violation:
    elements = (f"{node['target']}  {node['html'][:160]}  ({'; '.join(node['why'])[:240]})" for node in found["nodes"])
    return Violation(found["id"], found["impact"] or "minor", found["help"], tuple(elements))
