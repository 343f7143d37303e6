"""Password, name, and the browsers in which one is logged in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from mesh.errors import GhostWireError
from portal import html
from portal.account.browsers import browser_words
from portal.account.guard import own_page, person_of, show
from portal.cause import act, cause_of
from portal.forms import ServiceForm
from portal.password import OwnPasswordForm
from sessions_app.models import PortalSession, User
from sessions_app.services.portal_sessions import sign_out
from sessions_app.services.users import update_user
from sessions_app.session_engine import row_key


class ProfileForm(ServiceForm):
    """What a person is called."""

    display_name = forms.CharField(label="Name", max_length=150, required=False)
    email = forms.EmailField(label="E-mail", max_length=254, required=False)


def _sessions(person: User, here: str) -> list[dict[str, Any]]:
    now = timezone.now()
    live = PortalSession.objects.filter(user=person, expire_date__gt=now).defer("session_data").order_by("-seen_at")
    return [
        {
            "id": row.pk,
            "here": row.pk == here,
            "browser": browser_words(row.browser),
            "origin": row.origin,
            "began": html.ago(row.began_at, now) if row.began_at else "",
            "seen": html.dim("now") if row.pk == here else html.ago(row.seen_at, now),
        }
        for row in live[:100]
    ]


@own_page("POST")
def security_page(request: HttpRequest) -> HttpResponse:
    """All three, a form each."""
    person, here = person_of(request), row_key(request.session.session_key or "")
    asked = request.POST.get("form", "")
    profile = ProfileForm(request.POST if asked == "profile" else None, request=request, obj=person)
    password = OwnPasswordForm(person, request.POST if asked == "password" else None, cause=cause_of(request))
    if asked == "profile" and profile.is_valid():
        try:
            update_user(user_id=person.pk, **profile.service_data(), **act(request))
        except GhostWireError as error:
            profile.take(error)
        else:
            messages.success(request, "Your name is saved.")
            return redirect("account_security")
    if asked == "password" and person.has_usable_password() and password.is_valid():
        _change_password(request, password)
        messages.success(request, "Your password is changed. Other browsers are logged out.")
        return redirect("account_security")
    if asked == "sessions":
        only = request.POST.get("only", "")
        if only == here:
            logout(request)
            return redirect("login")
        ended = sign_out(user_id=person.pk, keep="" if only else here, only=only, **act(request))
        said = "No other browser is logged in."
        messages.success(request, f"Logged out: {html.many(ended, 'browser')}." if ended else said)
        return redirect("account_security")
    return show(
        request,
        "portal/account/security.html",
        "Password and sessions",
        "security",
        profile=profile,
        password=password,
        sessions=_sessions(person, here),
    )


def _change_password(request: HttpRequest, form: OwnPasswordForm) -> None:
    user = form.save()
    # All sessions ended with the old password; this browser gets a new one.
    update_session_auth_hash(request, user)
