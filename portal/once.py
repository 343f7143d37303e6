"""Forms whose answer shows a secret: sending one again (reload, back, double click) must not make a second key."""

from __future__ import annotations

import secrets
from typing import Final

from django.http import HttpRequest

from mesh.errors import ConflictError

_KEY: Final = "gw-once"
_KEPT: Final = 20


def begin_once(request: HttpRequest) -> str:
    """A mark for a form that is about to be shown. The login session keeps those that were not spent."""
    if request.method == "POST":
        return str(request.POST.get("once", ""))
    mark = secrets.token_urlsafe(16)
    request.session[_KEY] = [*request.session.get(_KEY, []), mark][-_KEPT:]
    return mark


def spend_once(request: HttpRequest, mark: str) -> None:
    """Spends a form's mark. Raises ConflictError if it was spent before, or never given out."""
    marks = list(request.session.get(_KEY, []))
    if mark not in marks:
        raise ConflictError("This form was sent before, and its key was shown once. Open it anew for another key.")
    marks.remove(mark)
    request.session[_KEY] = marks
