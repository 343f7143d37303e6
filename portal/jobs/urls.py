"""Short addresses of jobs: ``/admin/jobs/`` and ``/admin/jobs/7/`` lead to their pages."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from portal.jobs.start import job_url


def pages(guard: Any) -> list[URLPattern]:
    """The area's URLs; the pages that they lead to ask for the right to see jobs."""
    return [
        path("jobs/", guard(to_list), name="jobs"),
        path("jobs/<int:pk>/", guard(to_job), name="job"),
    ]


def to_list(request: HttpRequest) -> HttpResponse:
    """The list, filtered alike."""
    query = request.META.get("QUERY_STRING", "")
    return HttpResponseRedirect(reverse("admin:nodes_job_changelist") + (f"?{query}" if query else ""))


def to_job(request: HttpRequest, pk: int) -> HttpResponse:
    """One job."""
    return HttpResponseRedirect(job_url(pk))
