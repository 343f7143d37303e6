"""What a form that another page sent, or that is too old, is answered."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.csrf import csrf_failure


def forged_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's page, marked for the audit trail."""
    response = csrf_failure(request, reason=reason)
    response.gw_forged = True  # type: ignore[attr-defined]
    return response
