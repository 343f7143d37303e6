"""What edits of a policy have in common: objections may be overridden, and lost updates are refused.

``If-Match`` names the version of the policy that the caller saw, as ``ETag`` told it (RFC 9110, section 13.1.1).
"""

from __future__ import annotations

import re
from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from coordinator.admin_api.fields import QueryFlagField
from coordinator.admin_api.paging import NetworkQuery
from mesh.errors import FieldError, ValidationError

IF_MATCH: Final = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of the policy that the edit is made against; without it any version will do.",
)
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


def edit_options(request: Request, query: dict[str, Any]) -> dict[str, Any]:
    """``forced`` and ``expected_version`` for the services that edit policies."""
    return {"forced": query.get("force", False), "expected_version": expected_version(request)}
