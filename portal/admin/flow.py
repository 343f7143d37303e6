"""How a page of one object, a form and a confirmation go: read, ask, call the service, say what happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.http import url_has_allowed_host_and_scheme

from mesh.errors import ConflictError, GhostWireError
from portal.undo import undo_tags, weighed_key
from portal.verbs import Question, Verb

if TYPE_CHECKING:
    from portal.admin.base import ServiceAdmin


def add_page(admin: ServiceAdmin, request: HttpRequest) -> HttpResponse:
    """The form for a new object; its valid answer goes to ``admin.create``."""
    assert admin.add_form is not None
    form = admin.add_form(request.POST if request.method == "POST" else None, request=request)
    if request.method == "POST" and form.is_valid():
        try:
            made = admin.create(request, form.service_data())
        except GhostWireError as error:
            form.take(error)
        else:
            if isinstance(made, HttpResponse):
                return made
            messages.success(request, f"{_name(admin, made)} was created.")
            return HttpResponseRedirect(admin.url("change", made.pk))
    noun = admin.model._meta.verbose_name
    title = admin.add_label or f"New {noun}"
    return _render(admin, request, "portal/add.html", title, form=form, button=title)


def object_page(admin: ServiceAdmin, request: HttpRequest, obj: Any) -> HttpResponse:
    """An object's page: its cards, its verbs and, for those who may, its form."""
    form = None
    if admin.edit_form is not None and admin.has_change_permission(request, obj):
        form = admin.edit_form(request.POST if request.method == "POST" else None, request=request, obj=obj)
    if request.method == "POST":
        if form is None:
            raise PermissionDenied
        if form.is_valid():
            try:
                admin.update(request, obj, form.service_data())
            except GhostWireError as error:
                form.take(error)
            else:
                messages.success(request, f"{_name(admin, obj)} was saved.")
                return HttpResponseRedirect(request.get_full_path())
    offered = [(verb, admin.url("do", obj.pk, verb.name)) for verb in admin.verbs_for(request, obj)]
    return _render(
        admin,
        request,
        getattr(admin, "object_template", "portal/object.html"),
        str(obj),
        form=form,
        original=obj,
        heading_html=admin.heading(request, obj),
        headline=admin.headline(request, obj),
        sections=admin.sections(request, obj),
        verbs=[pair for pair in offered if not pair[0].minor],
        minor_verbs=[pair for pair in offered if pair[0].minor],
    )


def ask(
    admin: ServiceAdmin, request: HttpRequest, verb: Verb, objects: Sequence[Any], *, list_url: str | None
) -> HttpResponse:
    """The confirmation of a verb, and the act itself once it is confirmed.

    ``list_url`` is where ticked rows came from; None for an act on one object's page. Each object is its own
    transaction: what fails is said by name, the rest is done.
    """
    objects = [obj for obj in objects if verb.offered(obj)]
    if not objects:
        messages.warning(request, f"{verb.label}: nothing to do for what is selected.")
        return HttpResponseRedirect(list_url or admin.url("changelist"))
    confirmed = request.method == "POST" and ("confirmed" in request.POST or not verb.asks)
    single = objects[0] if len(objects) == 1 else None
    form = None
    if verb.form is not None:
        form = verb.form(request.POST if confirmed else None, request=request, obj=single)
    question = verb.ask(objects) if verb.ask is not None else Question(f"{verb.label}?", "", verb.label)
    if confirmed and question.tick and "sure" not in request.POST:
        # The tick is the consent. A browser that was told to leave it out is not asked to be trusted.
        confirmed = False
    objections: list[str] = []
    weighed = ""
    if confirmed and form is not None and form.is_valid() and verb.weigh is not None:
        weighed = weighed_key(form.cleaned_data)
        heavy = verb.weigh(objects, form.cleaned_data)
        agreed = request.POST.get("weighed") == weighed
        if heavy is not None and not (agreed and (not heavy.tick or "sure" in request.POST)):
            question, confirmed = heavy, False
    undo = verb.undo(single) if single is not None and verb.undo is not None else None
    if confirmed and (form is None or form.is_valid()):
        data = {} if form is None else dict(form.cleaned_data)
        data["forced"] = verb.may_force and "forced" in request.POST
        done, refused = _carry_out(request, verb, objects, data)
        asked_again = bool(refused) and not done
        if asked_again and form is not None:
            form.take(refused[0][1])
        elif asked_again and verb.may_force and not data["forced"]:
            objections = [error.detail for _, error in refused if isinstance(error, ConflictError)]
        if not asked_again or not (form or objections):
            undo_url = admin.url("do", single.pk, undo.verb) if single is not None and undo is not None else ""
            _say(request, verb, done, refused, undo_tags(undo_url, undo) if undo is not None else "")
            return HttpResponseRedirect(list_url or _after(admin, request, objects[0]))
    return _render(
        admin,
        request,
        "portal/confirm.html",
        verb.label,
        verb=verb,
        question=question,
        form=form,
        objections=objections,
        objects=objects,
        bulk=list_url is not None,
        weighed=weighed,
        back=list_url or _wanted(request) or admin.url("change", objects[0].pk),
        crumb_object=single if list_url is None else None,
    )


def _say(
    request: HttpRequest,
    verb: Verb,
    done: Sequence[Any],
    refused: Sequence[tuple[Any, GhostWireError]],
    extra: str = "",
) -> None:
    if done:
        messages.success(request, verb.done(done), extra_tags=extra)
    for obj, error in refused:
        messages.error(request, f"{obj}: {error.detail}")


def _carry_out(
    request: HttpRequest, verb: Verb, objects: Sequence[Any], data: dict[str, Any]
) -> tuple[list[Any], list[tuple[Any, GhostWireError]]]:
    done, refused = [], []
    for obj in objects:
        try:
            verb.run(request, obj, data)
        except GhostWireError as error:
            refused.append((obj, error))
        else:
            done.append(obj)
    return done, refused


def _after(admin: ServiceAdmin, request: HttpRequest, obj: Any) -> str:
    """Where to go after an act: where the form said, else the object, else, if that is gone, the list."""
    if wanted := _wanted(request):
        return wanted
    if admin.get_queryset(request).filter(pk=obj.pk).exists():
        return admin.url("change", obj.pk)
    return admin.url("changelist")


def _wanted(request: HttpRequest) -> str:
    """The page of this site that the caller wants to come back to, if it says so."""
    wanted = request.POST.get("next", "") or request.GET.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return ""


def _render(admin: ServiceAdmin, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    opts = admin.model._meta
    crumbs = [{"label": admin.list_title(), "url": admin.url("changelist")}]
    crumb_object = context.pop("crumb_object", None)
    if crumb_object is not None:
        crumbs.append({"label": str(crumb_object), "url": admin.url("change", crumb_object.pk)})
    request.current_app = admin.admin_site.name
    return TemplateResponse(
        request,
        template,
        {
            **admin.admin_site.each_context(request),
            "opts": opts,
            "title": title,
            "gw_crumbs": crumbs,
            "model_admin": admin,
            **context,
        },
    )


def _name(admin: ServiceAdmin, obj: models.Model) -> str:
    noun = str(admin.model._meta.verbose_name)
    text = str(obj)
    return text if ":" in text else f"{noun[:1].upper()}{noun[1:]} {text}"
