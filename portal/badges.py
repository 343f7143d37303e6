"""What the sidebar's entries show and where they lead, as far as that depends on the data."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from nodes.models import Network, Route
from sessions_app.models import Enrolment
from sessions_app.services.enrolments import live_enrolments


def waiting_routes(request: HttpRequest) -> int | None:
    """Routes that a machine offers and nobody has approved."""
    return Route.objects.filter(advertised=True, approved=False).count() or None


def waiting_machines(request: HttpRequest) -> int | None:
    """Machines that wait for somebody to let them in."""
    return live_enrolments(timezone.now()).filter(state=Enrolment.State.PENDING).count() or None


def only_network() -> str | None:
    """The page of the network where there is just one: a list of one row helps nobody."""
    ids = list(Network.objects.order_by("pk").values_list("pk", flat=True)[:2])
    return reverse("admin:nodes_network_change", args=ids) if len(ids) == 1 else None
