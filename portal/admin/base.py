"""The base of every ModelAdmin here: pages read rows, services write them, and nothing else can.

Django's own write paths (ModelForm.save, delete, formsets, list editing, bulk deletion) are closed: they raise
``DirectWriteError``. A page that changes something has a form or a verb, and each calls a service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from nodes.counting import EXACTLY
from portal import links
from portal.admin.flow import add_page, ask, object_page
from portal.forms import ServiceForm
from portal.page_list import PageList
from portal.sections import Section
from portal.verbs import Verb
from sessions_app.roles import allows

if TYPE_CHECKING:
    from django.contrib import admin

    # The theme carries no types; its class is Django's with more to it.
    ModelAdmin = admin.ModelAdmin[Any]
else:
    from unfold.admin import ModelAdmin


class DirectWriteError(RuntimeError):
    """Something tried to write a row past the services. A fault of the portal, never of its user."""


class ServiceAdmin(ModelAdmin):
    """Lists, shows, and changes rows through services.

    Subclasses name capabilities of ``sessions_app.roles``: ``view_right`` to see, ``edit_right`` for the forms
    (verbs name their own), and implement ``create`` or ``update`` where they have a form.
    """

    view_right: ClassVar[str]
    edit_right: ClassVar[str] = ""
    add_form: ClassVar[type[ServiceForm] | None] = None
    edit_form: ClassVar[type[ServiceForm] | None] = None
    add_label: ClassVar[str] = ""
    add_icon: ClassVar[str] = "add"
    verbs: ClassVar[Sequence[Verb]] = ()
    # The list's name in the sidebar, where that is not the model's.
    page_title: ClassVar[str] = ""
    # What the list is for, in one sentence, and what to say when it is empty.
    lead: ClassVar[str] = ""
    # Lists that belong to this one and are not in the sidebar: (words, model).
    related: ClassVar[Sequence[tuple[str, str]]] = ()
    empty_text: ClassVar[str] = ""
    search_hint: ClassVar[str] = ""
    # Classes of list columns: see list-phone.css for what they do at phone width.
    column_css: ClassVar[Mapping[str, str]] = {}

    actions = ()
    inlines = ()
    list_display_links = None
    list_fullwidth = True
    list_per_page = 50
    # Up to so many rows a list says how many they are; of longer ones it says about how many.
    count_exactly: ClassVar[int] = EXACTLY
    list_max_show_all = 0
    show_full_result_count = False
    change_list_template = "portal/list.html"

    # --- Who may

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """See lists and pages."""
        return allows(request.user, self.view_right)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Appear among the records at all."""
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Make new ones: only where a form for it exists."""
        return self.add_form is not None and self._may_edit(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Use the edit form."""
        return self.edit_form is not None and self._may_edit(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Delete: only where a verb for it exists."""
        verb = self.find_verb("delete")
        return verb is not None and allows(request.user, verb.right)

    def _may_edit(self, request: HttpRequest) -> bool:
        return bool(self.edit_right) and allows(request.user, self.edit_right)

    # --- What subclasses say

    def create(self, request: HttpRequest, data: dict[str, Any]) -> Model | HttpResponse:
        """Call the service that makes one from a valid ``add_form``. A response is shown as it is."""
        raise DirectWriteError(f"{self.model.__name__} has no service that creates it.")

    def update(self, request: HttpRequest, obj: Any, data: dict[str, Any]) -> None:
        """Call the service that applies a valid ``edit_form``."""
        raise DirectWriteError(f"{self.model.__name__} has no service that changes it.")

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """The cards of an object's page."""
        return []

    def heading(self, request: HttpRequest, obj: Any) -> Any:
        """The subject of an object's page."""
        return str(obj)

    def headline(self, request: HttpRequest, obj: Any) -> Sequence[Any]:
        """What stands under the subject, in one line."""
        return ()

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """Add to a page of rows what its columns need."""

    # --- Pages

    def get_urls(self) -> list[URLPattern]:
        """Django's pages without its history (``Change`` is the record), and one address for verbs."""
        opts = self.model._meta
        kept = [url for url in super().get_urls() if not (url.name or "").endswith("_history") and url.name]
        act = self.admin_site.admin_view(self.act_view)
        return [
            path("<path:object_id>/do/<slug:name>/", act, name=f"{opts.app_label}_{opts.model_name}_do"),
            *kept,
        ]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one object, or the form for a new one."""
        if object_id is None:
            if not self.has_add_permission(request):
                raise PermissionDenied
            return add_page(self, request)
        return object_page(self, request, self.find(request, object_id))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Deleting is a verb like the others."""
        return self.act_view(request, object_id, "delete")

    def act_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Ask about a verb on one object, and do it."""
        obj = self.find(request, object_id)
        verb = self.find_verb(name)
        if verb is None or not verb.single:
            raise Http404
        self.demand(request, verb)
        return ask(self, request, verb, [obj], list_url=None)

    def plan(self, request: HttpRequest, name: str, ticked: list[int]) -> HttpResponse | None:
        """Plan an act as a job, where the list has jobs: for all that match, or an act that no verb does."""
        return None

    def job_acts(self, request: HttpRequest) -> list[Any]:
        """The acts of jobs that this person may use on all rows that match."""
        return []

    def copies(self, request: HttpRequest, cl: PageList) -> list[Any]:
        """The page as a command and as a call of the API."""
        return []

    def response_action(  # type: ignore[override]  # the place of the action form means nothing to us
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse:
        """Ask about a verb on the ticked rows, and do it. Only rows of the page at hand, never unseen ones."""
        name = request.POST.get("action", "")
        boxes = [int(pk) for pk in request.POST.getlist("_selected_action") if pk.isdigit() and len(pk) <= 18]
        planned = self.plan(request, name, boxes[: self.list_per_page])
        if planned is not None:
            return planned
        verb = self.find_verb(name)
        if verb is None or not verb.bulk:
            raise PermissionDenied
        self.demand(request, verb)
        ticked = [pk for pk in request.POST.getlist("_selected_action") if pk.isdigit()]
        objects = list(queryset.filter(pk__in=ticked[: self.list_per_page]))
        self.complete(request, objects)
        return ask(self, request, verb, objects, list_url=request.get_full_path())

    def get_actions(self, request: HttpRequest) -> dict[str, tuple[Callable[..., str], str, str] | None]:
        """The verbs that this person may use on several rows."""
        acts = {act.name: (_never_called, act.name, act.label) for act in self.job_acts(request)}
        return acts | {verb.name: (_never_called, verb.name, verb.label) for verb in self.bulk_verbs(request)}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Pages whose rows may be completed."""
        return PageList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, with the verbs for its bulk bar. Whoever may do nothing with its rows has nothing to send."""
        if request.method == "POST" and not self.get_actions(request):
            raise PermissionDenied
        context: dict[str, Any] = {"title": self.list_title()}
        related = [(words, url) for words, model in self.related if (url := links.list_url(model))]
        context |= {"gw_related": related}
        context |= {"gw_bulk": self.bulk_verbs(request), "gw_add_url": "", "gw_acts": self.job_acts(request)}
        if self.has_add_permission(request):
            context["gw_add_url"] = self.url("add")
        return super().changelist_view(request, context | (extra_context or {}))

    # --- Helpers

    def list_title(self) -> str:
        """What the list is called."""
        plural = str(self.model._meta.verbose_name_plural)
        return self.page_title or plural[:1].upper() + plural[1:]

    def find(self, request: HttpRequest, object_id: str) -> Any:
        """The object, if it exists and this person may see it; else 404, so that ids cannot be probed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        obj = self.get_queryset(request).filter(pk=object_id).first() if object_id.isdigit() else None
        if obj is None:
            raise Http404
        self.complete(request, [obj])
        return obj

    def find_verb(self, name: str) -> Verb | None:
        """The verb called ``name``."""
        return next((verb for verb in self.verbs if verb.name == name), None)

    def bulk_verbs(self, request: HttpRequest) -> list[Verb]:
        """Verbs for several rows that this person may use, the destructive ones last."""
        allowed = [verb for verb in self.verbs if verb.bulk and allows(request.user, verb.right)]
        return sorted(allowed, key=lambda verb: verb.destroys)

    def verbs_for(self, request: HttpRequest, obj: Any) -> list[Verb]:
        """Verbs that make sense for ``obj`` now and that this person may use."""
        return [v for v in self.verbs if v.single and allows(request.user, v.right) and v.offered(obj)]

    def demand(self, request: HttpRequest, verb: Verb) -> None:
        """Raise PermissionDenied unless this person may see these rows and use ``verb``."""
        if not self.has_view_permission(request) or not allows(request.user, verb.right):
            raise PermissionDenied

    def url(self, page: str, *args: Any) -> str:
        """The address of a page of this model: changelist, add, change or do."""
        opts = self.model._meta
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_{page}", args=args)

    # --- Closed paths

    def _closed(self) -> NoReturn:
        raise DirectWriteError(f"{self.model.__name__} is written by its services alone.")

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Closed."""
        self._closed()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Closed."""
        self._closed()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Closed."""
        self._closed()

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Closed."""
        self._closed()

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Closed."""
        self._closed()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Closed."""
        self._closed()


def _never_called(*args: Any) -> NoReturn:
    raise DirectWriteError("Verbs are carried out by response_action.")
