"""What edits of a policy have in common: objections may be overridden, and lost updates are refused.

``If-Match`` names the version of the policy that the caller saw, as ``ETag`` told it (RFC 9110, section 13.1.1).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from acl.services.trials import begin_trial
from coordinator.admin_api.base import AdminView
from coordinator.admin_api.fields import QueryFlagField
from coordinator.admin_api.paging import NetworkQuery
from mesh.errors import FieldError, ValidationError
from nodes.models import Network

IF_MATCH: Final = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of the policy that the edit is made against; without it any version will do.",
)
EDITS: Final = ("POST", "PUT", "PATCH", "DELETE")
Result = TypeVar("Result")
_TAG: Final = re.compile(r'"(\d{1,18})"', re.ASCII)


class EditQuery(NetworkQuery):
    """Of every edit of a policy."""

    force = QueryFlagField(
        required=False,
        help_text="`true`: also against objections (409): a stored test that breaks, more peers than a node may have, "
        "a deny rule that names what is deleted. It is recorded.",
    )


def version_tag(number: int) -> str:
    """The ETag of a version of the policy."""
    return f'"{number}"'


def expected_version(request: Request) -> int | None:
    """The version that ``If-Match`` names; None where there is none, or any will do.

    Raises ValidationError for what is no ETag of a policy.
    """
    given = request.META.get("HTTP_IF_MATCH", "").strip()
    if given in ("", "*"):
        return None
    found = _TAG.fullmatch(given)
    if found is None:
        words = 'If-Match is one ETag of this policy, such as "7".'
        raise ValidationError(words, errors=(FieldError("If-Match", words),))
    return int(found[1])


class PolicyView(AdminView):
    """Of what a policy is made of. Answers carry the policy's version as ETag; edits may name it in If-Match."""

    noun = "acl"
    knows = "policy.view"
    queries = dict.fromkeys(EDITS, EditQuery)
    problems = dict.fromkeys(EDITS, (409, 412))

    def edit_options(self) -> dict[str, Any]:
        """What every service takes that edits a policy: cause, instant, force and the version that it is made against.

        Raises ValidationError.
        """
        return {
            "cause": self.cause,
            "now": self.now,
            "forced": self.query.get("force", False),
            "expected_version": expected_version(self.request),
        }

    def apply(self, edit: Callable[[], Result]) -> Result:
        """Does an edit, and puts the policy that comes of it on trial where the query says ``confirm_within``.

        Raises what the edit raises, OnTrialError.
        """
        seconds = self.query.get("confirm_within")
        if seconds is None:
            return edit()
        within = timedelta(seconds=seconds)
        cause, now = self.cause, self.now
        return begin_trial(network_id=self.network.pk, within=within, apply=edit, cause=cause, now=now).result

    def tagged(self, response: Response) -> Response:
        """With the version of the policy in force."""
        number = Network.objects.values_list("policy_version", flat=True).get(pk=self.network.pk)
        response["ETag"] = version_tag(number)
        return response
