"""Pictures of shots: an address, and what is done there before the picture is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright._impl._api_structures import SetCookieParam
from playwright.sync_api import Page

from tests.portal.browser import PHONE, WIDE, Window, window

Act = Callable[[Page], None]


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture. ``before`` is done on an empty page, ``act`` once the page is there and still."""

    name: str
    path: str
    act: Act | None = None
    before: Act | None = None


@dataclass(frozen=True, slots=True)
class Camera:
    """Where to, which of the pictures (none named: all), and in which themes and sizes."""

    folder: Path
    wanted: frozenset[str]
    themes: Sequence[str]
    sizes: Sequence[str]

    def take(self, url: str, cookie: SetCookieParam | None, shots: Sequence[Shot]) -> None:
        """All pictures that are wanted, as ``PAGE-THEME.png`` and ``m-PAGE-THEME.png``; prints complaints."""
        chosen = [shot for shot in shots if not self.wanted or shot.name in self.wanted]
        for theme, size, found in self._windows(cookie) if chosen else ():
            prefix = "m-" if size == "phone" else ""
            for shot in chosen:
                _take(found, url, shot, self.folder / f"{prefix}{shot.name}-{theme}.png", whole=bool(prefix))
            print(*found.complaints, sep="\n", end="\n" if found.complaints else "")  # noqa: T201 - a script

    def _windows(self, cookie: SetCookieParam | None) -> Iterator[tuple[str, str, Window]]:
        for theme in self.themes:
            for size in self.sizes:
                with window(cookie, size=PHONE if size == "phone" else WIDE, dark=theme == "dark") as found:
                    yield theme, size, found


def _take(found: Window, url: str, shot: Shot, path: Path, *, whole: bool) -> None:
    open_shot(found.page, url, shot)
    if found.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        found.complaints.append(f"{path.name} is wider than the window")
    found.page.screenshot(path=path, full_page=whole)


def open_shot(page: Page, url: str, shot: Shot) -> None:
    """Bring a page to where the picture is taken."""
    page.unroute_all(behavior="ignoreErrors")
    if shot.before is not None:
        shot.before(page)
    page.goto(url + shot.path)
    page.evaluate("document.fonts.ready")
    if shot.before is None:
        page.wait_for_function("!document.querySelector('[data-gw-live-badge][hidden]')")
        if page.query_selector("[data-gw-topology]"):
            page.wait_for_selector("[data-gw-drawn]")
    if shot.act is not None:
        shot.act(page)
    page.evaluate("sessionStorage.clear()")  # No draft goes on to the next.
