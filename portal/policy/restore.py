"""Going back to an earlier version: what it would do first, then the act, for good or on trial."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from acl.models import PolicyVersion
from acl.selectors import get_version
from acl.services.versions import roll_back
from coordinator.policy.effects import CheckedVersion, check_version
from mesh.errors import GhostWireError, NotFoundError
from nodes.models import Network
from portal.policy.pages import address, page, show
from portal.policy.review import applied, review_of
from sessions_app.roles import allows


@page("policy.view")
def restore_page(request: HttpRequest, number: int, *, network: Network) -> HttpResponse:
    """Asks, and does it."""
    if not allows(request.user, "policy.manage"):
        raise PermissionDenied
    try:
        version = get_version(network.pk, number)
    except NotFoundError as error:
        raise Http404 from error
    trouble = ""
    if request.method == "POST":
        try:
            made = _put(request, network, version)
        except GhostWireError as error:
            trouble = error.detail
        else:
            words = (
                f"Policy {made.number} is in force: it says what policy {number} said." if made else "Nothing changed."
            )
            messages.success(request, words)
            return HttpResponseRedirect(address(request, "policy_history"))
    review: dict[str, Any] | None = None
    try:
        checked: CheckedVersion = check_version(network_id=network.pk, number=number)
    except GhostWireError as error:
        trouble = trouble or error.detail
    else:
        review = review_of(request, network, checked.assessment, checked.difference, checked.policy)
    return show(
        request,
        network,
        "restore",
        "history",
        status=409 if trouble else 200,
        title=f"Go back to policy {number}",
        gw_crumbs=[
            {"label": "Access", "url": address(request, "policy_history")},
            {"label": f"Policy {number}", "url": address(request, "policy_version", number)},
        ],
        version=version,
        review=review,
        trouble=trouble,
        keep=address(request, "policy_version", number),
    )


def _put(request: HttpRequest, network: Network, version: PolicyVersion) -> PolicyVersion | None:
    seen = request.POST.get("version", "")
    expected = int(seen) if seen.isdigit() and len(seen) < 10 else None
    made: PolicyVersion | None = applied(
        request,
        network,
        lambda **options: roll_back(
            network_id=network.pk,
            number=version.number,
            expected_version=expected,
            comment=f"Back to policy {version.number}",
            **options,
        ),
    )
    return made
