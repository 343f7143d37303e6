"""Everything that is wrong for a keyboard, a finger or a screen reader in a page as it stands."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from playwright.sync_api import Page

from tests.portal.accessibility.axe import violations

FINGER_PX: Final = 44
"""How high a target is at phone width. axe-core asks for 24 px of all others, and of links among words."""

MORE_ROWS: Final = ("tbody tr:nth-child(n+5)", ".gw-lines > li:nth-child(n+9)")
"""Rows that are made like those before them; a quick look leaves them out, the complete one does not."""

BEHIND: Final = (".gw-rulelist:has([role=listbox]:not([hidden])) > li:not(:has([role=listbox]:not([hidden])))",)
"""Rules behind the open list of names: whoever clicks beside the list closes it, so what it covers is no target."""


@cache
def _audit() -> str:
    return (Path(__file__).parent / "audit.js").read_text(encoding="utf-8")


def look(page: Page, *, phone: bool, quick: bool = False) -> list[str]:
    """Sentences, one a fault: of axe-core's rules, and of what it does not ask.

    Asked besides: nothing answers to a pointer alone, whatever takes the focus shows it and is not covered or outside,
    and on a phone the page is no wider than the window and its targets are ``FINGER_PX`` high.
    """
    found = [str(violation) for violation in violations(page, leave=BEHIND + (MORE_ROWS if quick else ()))]
    page.evaluate(_audit())
    page.keyboard.press("Tab")  # Browsers show where a script puts the focus only after a key.
    found += page.evaluate("[...audit.pointerOnly(), ...audit.unseen()]")
    if phone:
        found += page.evaluate(f"[...audit.wide(), ...audit.small({FINGER_PX})]")
    return found
