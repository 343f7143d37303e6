"""Forms whose answer shows a secret: sending one again (reload, back, double click) must not make a second key."""

from __future__ import annotations

import re
import secrets
from typing import Final

from django.http import HttpRequest

from mesh.errors import ConflictError

_SPENT: Final = "gw-spent"
_KEPT: Final = 50
_MARK: Final = re.compile(r"[A-Za-z0-9_-]{22}")


def begin_once(request: HttpRequest) -> str:
    """A mark for a form that is about to be shown. Showing one costs nothing: pages ask for themselves anew."""
    return str(request.POST.get("once", "")) if request.method == "POST" else secrets.token_urlsafe(16)


def spend_once(request: HttpRequest, mark: str) -> None:
    """Spends a form's mark; the login session keeps those spent last. Raises ConflictError if it was spent before, or
    is none."""
    spent = list(request.session.get(_SPENT, []))
    if mark in spent or not _MARK.fullmatch(mark):
        raise ConflictError("This form was sent before, and its key was shown once. Open it anew for another key.")
    request.session[_SPENT] = [*spent, mark][-_KEPT:]
