"""Jobs: their list, and the page of one: a plan to agree to, work to watch, and what can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.admin import display
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from coordinator.jobs.acts import ACTS, UNDO
from coordinator.jobs.run import run_job
from coordinator.jobs.services import cancel_job, right_of, set_arguments, start_job, undo_job
from mesh.errors import GhostWireError
from nodes.models import Job
from portal import events, html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import ChoiceFilter, NetworkFilter, TabFilter, tally
from portal.cause import act as cause_and_now
from portal.jobs.page import job_context, what_words
from sessions_app.models import User
from sessions_app.roles import allows

AT_ONCE = 50
"""A job of so few nodes is carried out while the page loads: nobody has to wait for a worker."""
STATE_GLYPHS = {
    "planned": "waiting",
    "waiting": "waiting",
    "running": "late",
    "done": "online",
    "failed": "ended",
    "cancelled": "disabled",
}


class StateTabs(TabFilter):
    """By what became of them."""

    title = "state"
    parameter_name = "state"
    always = ("running", "done")

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """Waiting ones count as under way."""
        return {
            "running": ("Under way", Q(state__in=("waiting", "running"))),
            "planned": ("Planned", Q(state="planned")),
            "done": ("Done", Q(state="done")),
            "failed": ("Failed", Q(state="failed")),
            "cancelled": ("Cancelled", Q(state="cancelled")),
        }

    def glyphs(self) -> dict[str, str]:
        """As in the rows."""
        return STATE_GLYPHS

    def counts(self, cl: ChangeList) -> dict[str, int]:
        """One query."""
        return tally(Job, self.options(self.request))


class ActFilter(ChoiceFilter):
    """What is done."""

    title = "act"
    parameter_name = "act"

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """All acts, and undoing."""
        found = {act.name: (act.label, Q(act=act.name)) for act in ACTS.values()}
        return found | {UNDO: ("Undo", Q(act=UNDO))}


class JobAdmin(ServiceAdmin):
    """Made from the list of nodes, the API or a command; carried out in the background."""

    page_title = "Jobs"
    view_right = "nodes.view"
    empty_title = "No job yet"
    empty_text = "Choose nodes in their list, tick the box above them, select all that match, and say what to do."
    list_display = ("subject", "status", "progress", "outcome", "who", "since")
    list_filter = (StateTabs, NetworkFilter, ActFilter)
    column_css = {
        "subject": "gw-c-subject",
        "status": "gw-c-status gw-c-plain",
        "progress": "gw-c-line2",
        "outcome": "gw-c-minor",
        "who": "gw-c-minor",
        "since": "gw-c-line2end",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """Without what is long."""
        rows = super().get_queryset(request).select_related("network", "undo_of", "undone_by")
        long = ("node_ids", "before", "after", "reasons")
        return rows.defer(*long, *(f"undo_of__{name}" for name in long), *(f"undone_by__{name}" for name in long))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """The latest first."""
        return ("-pk",)

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """Resolve the names of the page at once."""
        names = events.Names(())
        ids = {int(row.actor[5:]) for row in rows if row.actor.startswith("user:") and row.actor[5:].isdigit()}
        names.users = {user.pk: user for user in User.objects.filter(pk__in=ids)}
        for row in rows:
            row.gw_names = names

    @display(description="Job", ordering="pk")
    def subject(self, obj: Job) -> SafeString:
        """What is done to how many."""
        return html.link(links.change_url("nodes.job", obj.pk), what_words(obj), subject=True)

    @display(description="Status", ordering="state")
    def status(self, obj: Job) -> SafeString:
        """Glyph and word."""
        return html.status(STATE_GLYPHS[obj.state], obj.get_state_display())

    @display(description="Progress")
    def progress(self, obj: Job) -> SafeString:
        """How many of how many."""
        return html.mono(f"{obj.position:,} / {obj.total:,}")

    @display(description="Outcome")
    def outcome(self, obj: Job) -> SafeString | str:
        """How many changed, and how many could not."""
        if not obj.is_over and obj.state != Job.State.RUNNING:
            return html.EMPTY
        left = format_html(' <span class="gw-warn">{} left</span>', f"{obj.left:,}") if obj.left else ""
        undone = html.dim(", undone") if hasattr(obj, "undone_by") else ""
        return format_html("{} changed{}{}", f"{obj.changed:,}", left, undone)

    @display(description="Who", ordering="actor")
    def who(self, obj: Job) -> SafeString:
        """A person or a command."""
        names: events.Names = obj.gw_names  # type: ignore[attr-defined]
        return names.actor(obj.actor)

    @display(description="When", ordering="created_at")
    def since(self, obj: Job) -> SafeString:
        """How long ago."""
        return html.ago(obj.created_at, timezone.now())

    def headline(self, request: HttpRequest, obj: Any) -> Sequence[Any]:
        """Its state."""
        return (self.status(obj), self.who(obj), self.since(obj))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one job; a POST starts, cancels or undoes it, or says what it shall do."""
        if object_id is None:
            raise PermissionDenied
        job: Job = self.find(request, object_id)
        errors: list[str] = []
        if request.method == "POST":
            if not allows(request.user, right_of(job)):
                raise PermissionDenied
            try:
                return self._act(request, job)
            except GhostWireError as error:
                errors = [error.detail, *(item.message for item in getattr(error, "errors", ()))]
        request.current_app = self.admin_site.name
        may = allows(request.user, right_of(job))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": what_words(job),
            "gw_crumbs": [{"label": self.list_title(), "url": self.url("changelist")}],
            "headline": self.headline(request, job),
            "errors": errors,
            **job_context(request, job, may=may),
        }
        return TemplateResponse(request, "portal/jobs/job.html", context)

    def _act(self, request: HttpRequest, job: Job) -> HttpResponse:
        """Raises GhostWireError for what a service refuses, PermissionDenied for a word that is none."""
        match request.POST.get("do"):
            case "arguments":
                given = request.POST.get("tags", "").replace("\n", ",").split(",")
                tags = [tag if tag.startswith("tag:") else f"tag:{tag}" for item in given if (tag := item.strip())]
                mode = request.POST.get("mode", "add")
                set_arguments(job_id=job.pk, arguments={**job.arguments, "mode": mode, "tags": tags})
            case "force":
                set_arguments(job_id=job.pk, arguments={**job.arguments, "forced": True})
            case "start":
                return self._start(request, job)
            case "cancel":
                planned = job.state == Job.State.PLANNED
                cancel_job(job_id=job.pk, now=timezone.now())
                if planned:
                    return HttpResponseRedirect(job.selection.get("list") or self.url("changelist"))
            case "undo":
                undo = undo_job(job_id=job.pk, **cause_and_now(request))
                return self._carry_out(request, undo)
            case _:
                raise PermissionDenied
        return HttpResponseRedirect(self.url("change", job.pk))

    def _start(self, request: HttpRequest, job: Job) -> HttpResponse:
        # The tick is the consent, and its number is what was consented to.
        number = request.POST.get("nodes", "")
        if "sure" not in request.POST or not (number.isascii() and number.isdigit() and len(number) < 10):
            return HttpResponseRedirect(self.url("change", job.pk))
        started = start_job(job_id=job.pk, nodes=int(number), **cause_and_now(request))
        return self._carry_out(request, started)

    def _carry_out(self, request: HttpRequest, job: Job) -> HttpResponse:
        if job.total <= AT_ONCE:
            run_job(job_id=job.pk)
            job.refresh_from_db()
            address = links.change_url("nodes.job", job.pk)
            left = f", {job.left:,} left as they were" if job.left else ""
            words = f"{html.many(job.changed, 'node')} changed{left}."
            messages.success(request, format_html('{} <a href="{}">See the job or undo it</a>', words, address))
            listed = job.selection.get("list") or (job.undo_of.selection.get("list") if job.undo_of else "")
            return HttpResponseRedirect(listed or self.url("change", job.pk))
        return HttpResponseRedirect(self.url("change", job.pk))
