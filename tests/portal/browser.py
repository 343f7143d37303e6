"""A headless Chromium for tests of pages, with everything that a browser complains about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from playwright._impl._api_structures import SetCookieParam
from playwright.sync_api import ConsoleMessage, Page, ViewportSize, sync_playwright

from sessions_app.models import User
from sessions_app.session_engine import SessionStore

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


def session_cookie(user: User, url: str) -> SetCookieParam:
    """The cookie of a login session of ``user``, made before the browser starts: its loop forbids the ORM."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return {"name": settings.SESSION_COOKIE_NAME, "value": str(session.session_key), "url": url}


@dataclass
class Window:
    """A page and what the browser said about it."""

    page: Page
    complaints: list[str] = field(default_factory=list)


def _note(found: Window, said: ConsoleMessage) -> None:
    if said.type in ("error", "warning"):
        found.complaints.append(f"{said.type}: {said.text}")


@contextmanager
def window(
    cookie: SetCookieParam | None = None, *, size: ViewportSize | None = None, dark: bool = False, **more: Any
) -> Iterator[Window]:
    """One page of a fresh browser. Errors on the console, failed requests and exceptions become complaints."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        context = browser.new_context(
            viewport=size or WIDE, color_scheme="dark" if dark else "light", reduced_motion="reduce", **more
        )
        if cookie is not None:
            context.add_cookies([cookie])
        found = Window(context.new_page())
        found.page.on("console", lambda said: _note(found, said))
        found.page.on("pageerror", lambda error: found.complaints.append(f"exception: {error}"))
        found.page.on(
            "response",
            lambda answer: found.complaints.append(f"{answer.status} {answer.url}") if answer.status >= 500 else None,
        )
        try:
            yield found
        finally:
            browser.close()
