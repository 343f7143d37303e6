"""The page where people log in, members too, and the address ``/`` that leads each to where they begin."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.cache import never_cache

from portal.login import PortalAuthenticationForm, home_of, place_after_login
from sessions_app.models import User


class PersonLogin(LoginView):
    """Logs a person in and leads on: never to a page that this person may not see."""

    form_class = PortalAuthenticationForm
    template_name = "admin/login.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The form; whoever is logged in and may go on is led there."""
        if isinstance(request.user, User) and request.user.is_active:
            wanted = self.get_redirect_url()
            place = place_after_login(request.user, wanted)
            if place == wanted or not wanted:
                return HttpResponseRedirect(place)
        answer = super().get(request, *args, **kwargs)
        assert isinstance(answer, HttpResponse)
        return answer

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """The form with what is wrong; 429 for too many tries, with when to come back."""
        answer = super().form_invalid(form)
        assert isinstance(answer, HttpResponse)
        if isinstance(form, PortalAuthenticationForm) and form.throttled_for:
            answer.status_code = 429
            answer["Retry-After"] = str(form.throttled_for)
        return answer

    def get_success_url(self) -> str:
        """Where the person was going, or begins."""
        return place_after_login(self.request.user, self.get_redirect_url())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Where to go afterwards, and for who may not go there where to go instead."""
        context = super().get_context_data(**kwargs)
        known = isinstance(self.request.user, User) and self.request.user.is_active
        return {
            **context,
            "app_path": self.request.get_full_path(),
            "next": self.get_redirect_url(),
            "gw_home": home_of(self.request.user) if known else "",
        }


@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """Leads whoever comes to where they begin."""
    known = isinstance(request.user, User) and request.user.is_active
    return HttpResponseRedirect(home_of(request.user) if known else reverse("login"))
