"""The pages of enrolment: the form in three steps, its answer with the key, and how the key's machines fare."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from coordinator.enrolments import approve_enrolment, reject_enrolment
from mesh.errors import GhostWireError
from portal.admin.auth_key import key_facts
from portal.cause import act
from portal.enrol.form import EnrolForm
from portal.enrol.keys import make_key
from portal.enrol.machines import followed
from portal.enrolment import join_command, portal_url
from portal.people.qr import qr_image
from portal.site import site
from sessions_app.models import AuthKey, User
from sessions_app.roles import allows
from sessions_app.services.enrolments import live_enrolments

LATEST: Final = 8
"""So many keys are listed beside the form."""


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def enrol_page(request: HttpRequest) -> HttpResponse:
    """The form; a valid one makes a key and is answered with it, once."""
    request.current_app = site.name
    _demand(request, "keys.view")
    may = allows(request.user, "keys.manage")
    if request.method == "POST" and not may:
        raise PermissionDenied
    form = EnrolForm(request.POST if request.method == "POST" else None, request=request) if may else None
    if request.method == "POST" and form is not None and form.is_valid():
        try:
            key, secret = make_key(request, form.service_data())
        except GhostWireError as error:
            form.take(error)
        else:
            command = join_command(portal_url(request), secret)
            return _key_page(request, key, command=command, qr=qr_image(str(command)))
    keys = AuthKey.objects.select_related("owner", "network").order_by("-pk")[:LATEST]
    context = {**site.each_context(request), "title": "Enrol", "form": form, "keys": keys}
    return TemplateResponse(request, "portal/enrol/form.html", context)


@never_cache
@require_http_methods(["GET", "HEAD"])
def follow_page(request: HttpRequest, pk: int) -> HttpResponse:
    """How the machines of a key fare. The key itself was shown when it was made, and is not any more."""
    request.current_app = site.name
    _demand(request, "keys.view")
    return _key_page(request, _key(pk))


@never_cache
@require_POST
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Lets a machine in that waits with this key, or turns it away."""
    _demand(request, "keys.view")
    _demand(request, "nodes.approve")
    person = request.user
    assert isinstance(person, User)
    asked = request.POST.get("enrolment", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 18 else 0
    waiting = get_object_or_404(live_enrolments(timezone.now()), pk=number, auth_key=_key(pk))
    try:
        if request.POST.get("act") == "reject":
            reject_enrolment(enrolment_id=waiting.pk, actor=person, **act(request))
        else:
            approve_enrolment(enrolment_id=waiting.pk, actor=person, **act(request))
    except GhostWireError as error:
        messages.error(request, error.detail)
    return HttpResponseRedirect(reverse("admin:enrol_follow", args=[pk]))


def _key_page(request: HttpRequest, key: AuthKey, **shown: Any) -> HttpResponse:
    context = {
        **site.each_context(request),
        "title": "Run this on the machine" if shown else f"Machines of {key.name or key.hint + '…'}",
        "gw_crumbs": [{"label": "Enrol", "url": reverse("admin:enrol")}],
        "key": key,
        "facts": key_facts(key),
        "follow": followed(key),
        "may_make": allows(request.user, "keys.manage"),
        "may_approve": allows(request.user, "nodes.approve"),
        **shown,
    }
    return TemplateResponse(request, "portal/enrol/key.html", context)


def _key(pk: int) -> AuthKey:
    return get_object_or_404(AuthKey.objects.select_related("owner", "network", "created_by"), pk=pk)


def _demand(request: HttpRequest, capability: str) -> None:
    if not allows(request.user, capability):
        raise PermissionDenied
