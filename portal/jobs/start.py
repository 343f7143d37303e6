"""From a list to a job: whom it is about is what the list shows, or what is ticked on it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from coordinator.finding.criteria import Criteria
from coordinator.jobs.acts import ACTS, Act
from coordinator.jobs.services import plan_job
from mesh.errors import GhostWireError
from nodes.models import Network
from portal.cause import cause_of
from sessions_app.roles import allows

ALL = "gw_all"
"""What the bulk bar sends for all nodes that match, beyond the page."""


def acts_for(request: HttpRequest) -> list[Act]:
    """The acts of jobs that this person may use, the destructive ones last."""
    return sorted((act for act in ACTS.values() if allows(request.user, act.right)), key=lambda act: act.destroys)


def plan_from_list(request: HttpRequest, name: str, criteria: Criteria, ticked: list[int]) -> HttpResponse:
    """Plans a job about all that the list's address chooses, or about those ticked; leads to its page.

    Raises PermissionDenied for an act that is none, or none for this person.
    """
    act = ACTS.get(name)
    if act is None or not allows(request.user, act.right):
        raise PermissionDenied
    chosen = criteria if ALL in request.POST else Criteria(ids=tuple(ticked))
    network = _network(request)
    if network is None:
        raise PermissionDenied
    try:
        job = plan_job(
            network_id=network.pk,
            act=name,
            criteria=chosen,
            arguments=None if name == "tags" else {},
            cause=cause_of(request),
            now=timezone.now(),
            listed_at=request.get_full_path(),
        )
    except GhostWireError as error:
        messages.error(request, error.detail)
        return HttpResponseRedirect(request.get_full_path())
    return HttpResponseRedirect(job_url(job.pk))


def job_url(pk: int) -> str:
    """The page of a job."""
    return reverse("admin:nodes_job_change", args=[pk])


def _network(request: HttpRequest) -> Network | None:
    """The network that the list is filtered by, else the only one."""
    wanted = request.GET.get("network", "")
    rows = Network.objects.order_by("pk")
    if wanted:
        return rows.filter(pk=int(wanted)).first() if wanted.isascii() and wanted.isdigit() else None
    found = list(rows[:2])
    return found[0] if len(found) == 1 else None


def several_networks(request: HttpRequest) -> bool:
    """Whether the list mixes networks: a job is of one."""
    return _network(request) is None


def selection_words(selection: dict[str, Any]) -> list[tuple[str, str]]:
    """The choice in words, as filters of the list say it: (title, value)."""
    titles = {
        "q": "Search",
        "statuses": "Status",
        "owner": "Owner",
        "tags": "Tag",
        "os": "System",
        "agent": "Version",
        "seen": "Last seen",
        "key": "Key expiry",
    }
    found = []
    for name, title in titles.items():
        if name in selection:
            value = selection[name]
            found.append((title, ", ".join(value) if isinstance(value, list) else str(value)))
    return found
