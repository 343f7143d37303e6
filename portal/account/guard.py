"""What the pages of one's own account share: a login, a frame, and refusals that people can read."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from mesh.errors import NotFoundError
from portal.login import may_enter
from portal.site import site
from portal.viewer import look_as
from sessions_app.models import User

View = Callable[..., HttpResponse]

NAVIGATION: Final = (
    ("devices", "Devices", "devices", "account"),
    ("add", "Add a machine", "add_link", "enrol_code"),
    ("tokens", "API tokens", "key", "account_tokens"),
    ("security", "Password and sessions", "lock", "account_security"),
)


def person_of(request: HttpRequest) -> User:
    """Whose page it is; only behind ``own_page``."""
    assert isinstance(request.user, User)
    return request.user


def own_page(*methods: str) -> Callable[[View], View]:
    """Makes a view a page of whoever is logged in. What is not the person's own is not found."""

    def decorate(view: View) -> View:
        @never_cache
        @require_http_methods(["GET", "HEAD", *methods])
        @wraps(view)
        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not isinstance(request.user, User) or not request.user.is_active:
                return HttpResponseRedirect(f"{reverse('login')}?{urlencode({'next': request.get_full_path()})}")
            look_as(request.user)
            try:
                return view(request, *args, **kwargs)
            except NotFoundError as error:
                request.gw_hidden = True  # type: ignore[attr-defined]  # for the audit trail
                raise Http404 from error

        return page

    return decorate


def frame(request: HttpRequest, title: str, here: str) -> dict[str, Any]:
    """The context of every page: ``here`` is the entry of the navigation that it belongs to."""
    entries = [
        {"title": words, "icon": icon, "url": reverse(name), "current": key == here}
        for key, words, icon, name in NAVIGATION
    ]
    return {
        **site.each_context(request),
        "title": title,
        "gw_entries": entries,
        "gw_inside": reverse("admin:index") if may_enter(request.user) else "",
    }


def show(request: HttpRequest, template: str, title: str, here: str, **context: Any) -> HttpResponse:
    """Renders a page of the account."""
    status = context.pop("status", 200)
    return TemplateResponse(request, template, {**frame(request, title, here), **context}, status=status)
