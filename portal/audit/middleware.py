"""Tells the audit trail of writes that were refused: pages, API, forged forms; also where the answer was 404, since
what somebody may not know of is not found (views mark such a request with ``gw_hidden``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from coordinator.requests import origin_of, request_id_of
from mesh.change import Cause
from sessions_app.models import AuditEntry, User
from sessions_app.services.audit import ANONYMOUS, note_audit

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_API: Final = "/api/"
_OF_PEOPLE: Final = ("/api/v1/admin/", "/api/v1/me")


class NoteDenials:
    """Django middleware, outside of that for CSRF. What agents are refused is no business of the audit trail."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, then note."""
        response = self.get_response(request)
        refused = response.status_code == 403 or (response.status_code == 404 and hasattr(request, "gw_hidden"))
        if refused and request.method not in _SAFE and _is_ours(request.path):
            _note(request, forged=bool(getattr(response, "gw_forged", False)))
        return response


def _is_ours(path: str) -> bool:
    return path.startswith(_OF_PEOPLE) or not path.startswith(_API)


def _note(request: HttpRequest, *, forged: bool) -> None:
    user = getattr(request, "user", None)
    person = user if isinstance(user, User) else None
    route = "" if request.resolver_match is None else request.resolver_match.route
    facts = {
        "method": str(request.method)[:8],
        # Whoever is nobody writes nothing of their choice into the trail: the pattern says enough.
        "path": f"/{route}" if person is None else request.path,
    }
    if person is not None:
        facts["login"] = person.username
    if forged:
        facts["reason"] = "forged"
    actor = ANONYMOUS if person is None else f"user:{person.pk}"
    cause = Cause(actor, origin_of(request), request_id_of(request))
    note_audit(kind=AuditEntry.Kind.DENIED, facts=facts, cause=cause, now=timezone.now())
