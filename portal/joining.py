"""Pages outside /admin/ for everybody who can log in: type a machine's code, see what asks, take it or turn it away."""

from __future__ import annotations

from typing import Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from acl.models import TagOwner
from coordinator.enrolments import approve_enrolment, may_decide, reject_enrolment
from coordinator.errors import headers
from coordinator.limits import Limit, enforce
from coordinator.principals import may_tag
from mesh.errors import FieldError, GhostWireError, ThrottledError, ValidationError
from mesh.keys import decode_public_key, fingerprint
from portal.cause import act
from portal.forms import ListField, ServiceForm
from portal.site import site
from sessions_app.models import Enrolment, User
from sessions_app.roles import allows
from sessions_app.services.enrolments import find_enrolment

# Nobody tries codes until one fits: there are 20^8 of them, and each person gets this many tries.
CODES: Final = Limit("enrolment_code", 30, 60.0, burst=15)
MOST_TAGS: Final = 50


class CodeForm(ServiceForm):
    """What stands on the machine's screen."""

    code = forms.CharField(
        max_length=32,
        help_text="Eight letters, as the machine shows them.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )
    field_css = {"code": "gw-field-mono"}


class TakeForm(ServiceForm):
    """With which tags to take a machine, for those who may give any."""

    tags = ListField(one_line=True, required=False)
    field_css = {"tags": "gw-field-mono"}

    def clean_tags(self) -> list[str]:
        """``web`` is meant as ``tag:web``."""
        return [tag if tag.lower().startswith("tag:") else f"tag:{tag}" for tag in self.cleaned_data["tags"]]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def enrol_code(request: HttpRequest) -> HttpResponse:
    """Asks for the code."""
    if not _is_person(request):
        return _log_in(request)
    form = CodeForm(request.POST or None, request=request)
    status, more = 200, {}
    if request.method == "POST" and form.is_valid():
        try:
            found = _find(request, form.cleaned_data["code"])
        except GhostWireError as error:
            if isinstance(error, ThrottledError):
                status, more = error.status, headers(error)
            form.add_error("code", error.detail)
        else:
            return redirect("enrol_machine", code=found.shown_code)
    context = {**site.each_context(request), "title": "Add a machine", "form": form}
    return TemplateResponse(request, "portal/enrol_code.html", context, status=status, headers=more)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def enrol_machine(request: HttpRequest, code: str) -> HttpResponse:
    """Shows what asks to join, and does what the person decides."""
    if not _is_person(request):
        return _log_in(request)
    try:
        found = _find(request, code)
    except GhostWireError as error:
        form = CodeForm({"code": code[:32]}, request=request)
        form.add_error("code", error.detail)
        context = {**site.each_context(request), "title": "Add a machine", "form": form}
        return TemplateResponse(request, "portal/enrol_code.html", context, status=error.status, headers=headers(error))
    person = _person(request)
    givable = _givable_tags(person, found)
    form_data = request.POST if request.method == "POST" else None
    wished = [tag for tag in found.tags if may_tag(person, network_id=found.network_id, tag=tag)]
    take = TakeForm(form_data, request=request, initial={"tags": wished})
    take.fields["tags"].help_text = f"You may give {', '.join(givable)}." if givable else "Such as tag:web, tag:db."
    if request.method == "POST" and take.is_valid():
        try:
            _act(request, person, found, take)
        except GhostWireError as error:
            take.take(error)
        else:
            return redirect("enrol_machine", code=found.shown_code)
    settled = found.auth_key is not None or found.node is not None
    context = {
        **site.each_context(request),
        "title": f"{found.hostname} asks to join",
        "enrolment": found,
        "fingerprint": fingerprint(decode_public_key(found.public_key)),
        "form": take,
        "whose": _whose(found),
        "is_settled": settled,
        "may_decide": may_decide(person, found.network, found),
        "may_tag": not settled and bool(givable or allows(person, "nodes.manage")),
        "said": take.non_field_errors(),
    }
    return TemplateResponse(request, "portal/enrol_machine.html", context)


def _act(request: HttpRequest, person: User, found: Enrolment, form: TakeForm) -> None:
    match request.POST.get("act"):
        case "reject":
            reject_enrolment(enrolment_id=found.pk, actor=person, **act(request))
            messages.success(request, f"{found.hostname} is rejected.")
        case "tags" if not form.cleaned_data["tags"]:
            message = "Which tags?"
            raise ValidationError(message, errors=(FieldError("tags", message),))
        case "tags":
            tags = form.cleaned_data["tags"]
            approve_enrolment(enrolment_id=found.pk, actor=person, tags=tags, **act(request))
            messages.success(request, f"{found.hostname} may join with {', '.join(tags)}.")
        case "take":
            approve_enrolment(enrolment_id=found.pk, actor=person, **act(request))
            messages.success(request, f"{found.hostname} may join.")
        case _:
            raise ValidationError("Choose what to do.")


def _find(request: HttpRequest, code: str) -> Enrolment:
    now = timezone.now()
    enforce(CODES, str(request.user.pk), now.timestamp())
    return find_enrolment(code=code, now=now)


def _givable_tags(person: User, found: Enrolment) -> list[str]:
    """The tags of the policy that this person may give."""
    tags = TagOwner.objects.filter(network_id=found.network_id).order_by("tag").values_list("tag", flat=True)
    return [tag for tag in tags if may_tag(person, network_id=found.network_id, tag=tag)][:MOST_TAGS]


def _whose(found: Enrolment) -> str:
    """Whom the machine belongs to where that is settled; empty where the person decides."""
    if found.node is not None:
        tags = [row.tag for row in found.node.tags.all()]
        return ", ".join(tags) if found.node.tagged else str(found.node.owner)
    if found.auth_key is not None:
        return ", ".join(found.tags) if found.tags else str(found.auth_key.owner)
    return ""


def _is_person(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_active


def _person(request: HttpRequest) -> User:
    person = request.user
    assert isinstance(person, User)
    return person


def _log_in(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('login')}?{urlencode({'next': request.path})}")
