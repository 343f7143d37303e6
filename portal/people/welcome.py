"""Where a link leads that sets a password: the first one of somebody who is invited, or another one.

The token stands behind ``#`` in the link, where it reaches no server. A script puts it into the form of the first page
(without scripts people paste it), which is posted: so no address, log or history of a server ever holds it. What was
shown is remembered in the session by the link's number alone, until the password is set.
"""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from coordinator.limits import Limit, enforce, source_of
from coordinator.requests import origin_of, request_id_of
from mesh.change import Cause
from mesh.errors import GhostWireError, NotFoundError
from portal.forms import ServiceForm
from portal.login import home_of
from portal.site import site
from sessions_app.models import PasswordLink
from sessions_app.services.password_links import find_password_link, load_password_link, redeem_password_link

# Nobody guesses 256 bits; the limit keeps trying from costing anything.
TRIES: Final = Limit("password_link", 20, 300.0, burst=10)
KEY: Final = "gw-link"
_BACKEND: Final = "django.contrib.auth.backends.ModelBackend"


class LinkForm(ServiceForm):
    """The link, or what stands behind ``#`` in it."""

    token = forms.CharField(
        label="Link",
        max_length=400,
        help_text="The whole link, as it was given to you.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
    )
    field_css = {"token": "gw-field-mono"}

    def clean_token(self) -> str:
        """Just the token of a link."""
        return str(self.cleaned_data["token"]).rpartition("#")[2].strip()


class ChooseForm(ServiceForm):
    """The password, twice; a name for who is new."""

    display_name = forms.CharField(label="Your name", max_length=150, required=False)
    password = forms.CharField(
        label="New password",
        strip=False,
        max_length=256,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters, not only digits, and nothing that is often used.",
    )
    again = forms.CharField(
        label="New password again",
        strip=False,
        max_length=256,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def prepare(self) -> None:
        """Only who is invited says a name."""
        assert isinstance(self.obj, PasswordLink)
        if self.obj.purpose == PasswordLink.Purpose.INVITE:
            self.fields["display_name"].initial = self.obj.user.display_name
        else:
            del self.fields["display_name"]

    def clean(self) -> dict[str, Any]:
        """Both passwords are the same."""
        data = super().clean() or {}
        if data.get("password") and data.get("again") and data["password"] != data["again"]:
            self.add_error("again", "The two passwords differ.")
        return data


@never_cache
@sensitive_post_parameters("token")
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: HttpRequest) -> HttpResponse:
    """Takes the token."""
    form = LinkForm(request.POST if request.method == "POST" else None, request=request)
    status = 200
    if request.method == "POST" and form.is_valid():
        now = timezone.now()
        try:
            enforce(TRIES, source_of(origin_of(request)), now.timestamp())
            link = find_password_link(token=form.cleaned_data["token"], now=now)
        except GhostWireError as error:
            # Without what was sent: a page that shows it could be looked at over a shoulder.
            form = LinkForm(request=request)
            status, said = error.status, error.detail
            return _page(request, "portal/people/welcome.html", "Welcome", status=status, form=form, said=said)
        request.session[KEY] = link.pk
        return redirect("welcome_password")
    return _page(request, "portal/people/welcome.html", "Welcome", status=status, form=form)


@never_cache
@sensitive_post_parameters("password", "again")
@require_http_methods(["GET", "HEAD", "POST"])
def welcome_password(request: HttpRequest) -> HttpResponse:
    """Asks for the password and logs the person in."""
    now = timezone.now()
    try:
        link = load_password_link(link_id=int(request.session.get(KEY, 0)), now=now)
    except NotFoundError as error:
        request.session.pop(KEY, None)
        form = LinkForm(request=request)
        return _page(request, "portal/people/welcome.html", "Welcome", status=404, form=form, said=error.detail)
    choose = ChooseForm(request.POST if request.method == "POST" else None, request=request, obj=link, initial={})
    if request.method == "POST" and choose.is_valid():
        cause = Cause("anonymous", origin_of(request), request_id_of(request))
        try:
            user = redeem_password_link(
                link_id=link.pk,
                password=choose.cleaned_data["password"],
                display_name=choose.cleaned_data.get("display_name"),
                cause=cause,
                now=now,
            )
        except GhostWireError as error:
            choose.take(error)
        else:
            request.session.pop(KEY, None)
            login(request, user, backend=_BACKEND)
            messages.success(request, f"Welcome. You are logged in as {user.username}.")
            return redirect(home_of(user))
    title = "Welcome" if link.purpose == PasswordLink.Purpose.INVITE else "Choose a new password"
    return _page(request, "portal/people/choose.html", title, form=choose, link=link)


def _page(request: HttpRequest, template: str, title: str, *, status: int = 200, **context: Any) -> HttpResponse:
    context = {**site.each_context(request), "title": title, **context}
    response = TemplateResponse(request, template, context, status=status)
    # Stricter than other pages: nothing about where people came from leaves these.
    response["Referrer-Policy"] = "no-referrer"
    return response
