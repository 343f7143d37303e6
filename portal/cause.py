"""Who acts, in the words that services want."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils import timezone

from coordinator.requests import cause_of as cause_of_request
from mesh.change import Cause


def cause_of(request: HttpRequest) -> Cause:
    """The cause of a change made from a page. Raises PermissionDenied if nobody is logged in."""
    if request.user.pk is None:
        raise PermissionDenied
    return cause_of_request(request, user_id=request.user.pk)


def act(request: HttpRequest) -> dict[str, Any]:
    """``cause`` and ``now`` for a service: ``disable_node(node_id=1, **act(request))``."""
    return {"cause": cause_of(request), "now": timezone.now()}
