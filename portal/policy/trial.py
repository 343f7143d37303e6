"""The policy on trial, above every page: until when, and the two ways out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from acl.models import PolicyTrial
from acl.services.trials import confirm_trial, revert_trial
from mesh.errors import GhostWireError
from portal.cause import act
from portal.policy.who import names_of
from sessions_app.roles import allows

CHOICES: Final = ((120, "2 minutes"), (300, "5 minutes"), (900, "15 minutes"), (3600, "1 hour"))
"""How long a trial may be, on pages: seconds and words."""


def running_trials(user: object) -> list[dict[str, Any]]:
    """The policies on trial that this person may know of: one query on every page."""
    if not allows(user, "policy.view"):
        return []
    trials = list(PolicyTrial.objects.filter(ended_at=None).select_related("network").order_by("network_id"))
    names = names_of(trial.actor for trial in trials) if trials else None
    now = timezone.now()
    return [
        {
            "trial": trial,
            "left": max(0, round((trial.deadline - now).total_seconds())),
            "clock": clock(trial.deadline - now),
            "by": names.actor(trial.actor) if names is not None else "",
            "may_decide": allows(user, "policy.manage"),
        }
        for trial in trials
    ]


def clock(left: timedelta) -> str:
    """``4:12``; never below nothing."""
    seconds = max(0, round(left.total_seconds()))
    return f"{seconds // 60}:{seconds % 60:02}"


def confirm_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Keeps the policy on trial."""
    return _decide(request, pk, confirm_trial, lambda trial: f"Policy {trial.number} stays in force.")


def revert_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Ends the trial with the policy before it."""
    words = "Policy {0.number} is reverted: policy {0.result} says what policy {0.former} said."
    return _decide(request, pk, revert_trial, words.format)


def _decide(
    request: HttpRequest, pk: int, service: Callable[..., PolicyTrial], done: Callable[[PolicyTrial], str]
) -> HttpResponse:
    if not allows(request.user, "policy.manage"):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    trial = PolicyTrial.objects.filter(pk=pk).first()
    if trial is None:
        raise Http404
    try:
        # The number says which trial was seen: another may run by now.
        ended = service(network_id=trial.network_id, number=trial.number, **act(request))
    except GhostWireError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, done(ended))
    return HttpResponseRedirect(_back(request))


def _back(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return wanted
    return reverse("admin:index")
