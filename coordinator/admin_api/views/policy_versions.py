from __future__ import annotations

from difflib import unified_diff

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from acl.difference import summary_of
from acl.models import PolicyVersion
from acl.selectors import get_version
from acl.services.versions import roll_back
from coordinator.admin_api.paging import NetworkListQuery, page_of, page_serializer
from coordinator.admin_api.policy_edits import IF_MATCH, PolicyView
from coordinator.admin_api.serializers.policy_trial import TrialEditQuery
from coordinator.admin_api.serializers.policy_versions import (
    DifferenceOut,
    DifferenceQuery,
    RollbackBody,
    VersionOut,
    describe_versions,
)
from coordinator.admin_api.views.policy import MEDIA_TYPE
from coordinator.policy.documents import export_version
from coordinator.policy.history import compare_versions
from nodes.models import Network


class VersionView(PolicyView):
    """Of versions of the policy."""

    noun = "policy"

    def in_force(self) -> int:
        """The number of the version in force."""
        return Network.objects.values_list("policy_version", flat=True).get(pk=self.network.pk)

    def answer(self, version: PolicyVersion) -> Response:
        """A version."""
        return self.tagged(Response(VersionOut(describe_versions([version], self.in_force())[0]).data))


class VersionList(VersionView):
    rights = {"GET": "policy.view"}
    queries = {"GET": NetworkListQuery}

    @extend_schema(responses=page_serializer(VersionOut), operation_id="admin_list_policy_versions")
    def get(self, request: Request) -> Response:
        """Lists the versions of the policy, the newest first; ``after`` is a number."""
        rows = PolicyVersion.objects.filter(network=self.network).defer("facts")
        page = page_of(rows, self.query, key="number", descending=True)
        return self.tagged(self.answer_page(VersionOut, page, describe_versions(page.rows, self.in_force())))


class VersionDetail(VersionView):
    rights = {"GET": "policy.view"}

    @extend_schema(responses=VersionOut, operation_id="admin_get_policy_version")
    def get(self, request: Request, number: int) -> Response:
        """One version: who made it, when, and what speaks for itself."""
        return self.answer(get_version(self.network.pk, number))


class VersionDocument(VersionView):
    rights = {"GET": "policy.view"}

    @extend_schema(
        responses={(200, MEDIA_TYPE): OpenApiResponse(OpenApiTypes.STR, "The document, in HuJSON.")},
        operation_id="admin_get_policy_version_document",
    )
    def get(self, request: Request, number: int) -> HttpResponse:
        """A version as a document: the text that it came in, or one written of it with the names of today."""
        text = export_version(network_id=self.network.pk, version=get_version(self.network.pk, number))
        return HttpResponse(text, content_type=f"{MEDIA_TYPE}; charset=utf-8")


class VersionDiff(VersionView):
    rights = {"GET": "policy.view"}
    queries = {"GET": DifferenceQuery}

    @extend_schema(responses=DifferenceOut, operation_id="admin_diff_policy_versions")
    def get(self, request: Request, number: int) -> Response:
        """What differs between a version and a later one, ``to``. Version 0 is no policy at all."""
        other = self.query.get("to", self.in_force())
        found = compare_versions(network_id=self.network.pk, before=number, after=other)
        body = {
            "before": number,
            "after": other,
            "summary": summary_of(found),
            "sections": found,
            "text": "".join(
                unified_diff(self._lines(number), self._lines(other), f"version {number}", f"version {other}")
            ),
        }
        return Response(DifferenceOut(body).data)

    def _text(self, number: int, other: int) -> str:
        names = (f"version {number}", f"version {other}")
        return "".join(unified_diff(self._lines(number), self._lines(other), *names))

    def _lines(self, number: int) -> list[str]:
        if number == 0:
            return []
        text = export_version(network_id=self.network.pk, version=get_version(self.network.pk, number))
        return text.splitlines(keepends=True)


class VersionRollback(VersionView):
    rights = {"POST": "policy.manage"}
    queries = {"POST": TrialEditQuery}

    @extend_schema(
        request=RollbackBody, responses=VersionOut, operation_id="admin_roll_back_policy", parameters=[IF_MATCH]
    )
    def post(self, request: Request, number: int) -> Response:
        """Puts an earlier version in force again, as a new version; nothing moves where it says what is in force.
        Selectors mean whom they meant: a newcomer with an old name gets nothing."""
        comment = self.read(RollbackBody).get("comment", "")
        options = self.edit_options()
        version = self.apply(lambda: roll_back(network_id=self.network.pk, number=number, comment=comment, **options))
        return self.answer(version or get_version(self.network.pk, self.in_force()))
