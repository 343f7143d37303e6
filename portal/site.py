"""The admin site: its pages, its context, and nothing of Django's that could write a row by itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from ipaddress import ip_address
from typing import Any

from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.sites import UnfoldAdminSite

from nodes.models import Network
from portal.areas import area_urls
from portal.live import store_answers
from portal.login import PortalAuthenticationForm, may_enter
from portal.overview import overview_page
from portal.password import OwnPasswordForm
from portal.people.login import PersonLogin
from portal.policy.trial import running_trials
from portal.theme import STYLESHEETS, sidebar
from portal.viewer import look_as

# Pages of Django's and the theme's that this site does without: they answer for any model, past our lists.
_LEFT_OUT = frozenset({"autocomplete", "jsi18n", "view_on_site", "search"})


class GhostWireAdminSite(UnfoldAdminSite):  # type: ignore[misc]  # the theme carries no types
    """All pages under ``/admin/``."""

    site_header = site_title = "GhostWire"
    index_title = "Overview"
    site_url = None
    enable_nav_sidebar = True
    login_form = PortalAuthenticationForm
    final_catch_all_view = True

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether this person has pages here at all."""
        return may_enter(request.user)

    def get_urls(self) -> list[URLPattern]:
        """The pages of the models, the overview, login and password, and the list of all records."""
        kept = [url for url in super().get_urls() if getattr(url, "name", None) not in _LEFT_OUT]
        return [
            path("records/", self.admin_view(self.records), name="records"),
            *area_urls(self.admin_view),
            *kept,
        ]

    def admin_view(self, view: Callable[..., HttpResponse], cacheable: bool = False) -> Callable[..., HttpResponse]:
        """Remember who looks, for the links on the page."""
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def seen(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            look_as(request.user)
            response: HttpResponse = inner(request, *args, **kwargs)
            return response

        return seen

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What every page knows. Without ``colors``: the theme would print them as an inline style."""
        context: dict[str, Any] = super().each_context(request)
        context.pop("colors", None)
        network = Network.objects.order_by("pk").first()
        context |= {
            "site_title": self.site_title,
            "gw_stylesheets": [static(sheet) for sheet in STYLESHEETS],
            "gw_network": network if context["has_permission"] else None,
            "gw_insecure": is_insecure(request),
            "gw_trials": running_trials(request.user) if context["has_permission"] else [],
            "gw_stale": context["has_permission"] and not store_answers(timezone.now()),
        }
        return context

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Our own, by capabilities."""
        return sidebar(request)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The overview."""
        request.current_app = self.name
        return overview_page(request, self.each_context(request))

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Django's list of one app: ours lists all."""
        return HttpResponseRedirect(reverse("admin:records"))

    def records(self, request: HttpRequest) -> HttpResponse:
        """Every kind of record that this person may see."""
        request.current_app = self.name
        context = {**self.each_context(request), "title": "All records", "apps": self.get_app_list(request)}
        return TemplateResponse(request, "portal/records.html", context)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The one login page of the portal, also outside ``/admin/``: whoever logs in is led to where they may go."""
        request.current_app = self.name
        context = {**self.each_context(request), "title": "Log in", **(extra_context or {})}
        response = PersonLogin.as_view(extra_context=context)(request)
        assert isinstance(response, HttpResponse)
        return response

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One's own password, through the service that checks and sets it."""
        request.current_app = self.name
        view = PasswordChangeView.as_view(
            form_class=OwnPasswordForm,
            template_name="registration/password_change_form.html",
            success_url=reverse("admin:password_change_done"),
            extra_context={**self.each_context(request), "title": "Change password"},
        )
        response = view(request)
        assert isinstance(response, HttpResponse)
        return response


def is_insecure(request: HttpRequest) -> bool:
    """Whether what is typed into this page crosses a network unencrypted."""
    if request.is_secure():
        return False
    host = request.get_host().rpartition(":")[0].strip("[]") or request.get_host()
    if host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return True


site = GhostWireAdminSite(name="admin")
