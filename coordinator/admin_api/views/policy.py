from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import IO, Any, Final

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from acl.difference import summary_of
from acl.selectors.trials import open_trial
from coordinator.admin_api.policy_edits import IF_MATCH, PolicyView
from coordinator.admin_api.serializers.policy import ImportOut, ImportQuery
from coordinator.admin_api.serializers.policy_own import describe_own
from coordinator.admin_api.serializers.policy_trial import describe_trial
from coordinator.policy.documents import check_policy_document, export_policy, import_policy
from coordinator.policy.history import compare_versions
from coordinator.policy.own_machines import OwnLosses, asker_of, own_losses
from mesh.errors import FieldError, ValidationError
from mesh.hujson import decode
from nodes.models import Network

MEDIA_TYPE: Final = "application/hujson"
_TAG: Final = re.compile(r'"([0-9]{1,18}(?:-[0-9a-f]{16})?)"', re.ASCII)


class DocumentParser(BaseParser):
    """The body as it is: the policy's own reader says what is wrong with it, by line and column."""

    media_type = MEDIA_TYPE

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream.read()


class JsonDocumentParser(DocumentParser):
    media_type = "application/json"


class TextDocumentParser(DocumentParser):
    media_type = "text/plain"


class PolicyDetail(PolicyView):
    noun = "policy"
    rights = {"GET": "policy.view", "PUT": "policy.manage"}
    queries = {"PUT": ImportQuery}
    problems = {"PUT": (409, 412)}
    parser_classes: Any = (DocumentParser, JsonDocumentParser, TextDocumentParser)

    @extend_schema(
        responses={(200, MEDIA_TYPE): OpenApiResponse(OpenApiTypes.STR, "The document, in HuJSON.")},
        operation_id="admin_get_policy",
    )
    def get(self, request: Request) -> HttpResponse:
        """The policy in force as one document: the text that it came in, with its comments, as long as that is what is
        in force, else one written anew. ETag names this very text."""
        exported = export_policy(network_id=self.network.pk)
        return HttpResponse(
            exported.text, content_type=f"{MEDIA_TYPE}; charset=utf-8", headers={"ETag": f'"{exported.tag}"'}
        )

    @extend_schema(
        request={MEDIA_TYPE: OpenApiTypes.STR, "application/json": OpenApiTypes.OBJECT},
        responses=ImportOut,
        operation_id="admin_put_policy",
        parameters=[IF_MATCH],
    )
    def put(self, request: Request) -> Response:
        """Puts a document in force: whole, or not at all. One that says what is in force changes nothing. Errors name
        line and column."""
        text, tag = _text(request), _tag(request)
        if self.query.get("dry_run", False):
            return self._check(request, text)
        before = Network.objects.values_list("policy_version", flat=True).get(pk=self.network.pk)
        done = self.apply(
            lambda: import_policy(
                network_id=self.network.pk,
                text=text,
                tag=tag,
                forced=self.query.get("force", False),
                comment=self.query.get("comment", ""),
                cause=self.cause,
                now=self.now,
            )
        )
        version, found = before, {}
        if done.version is not None:
            version = done.version.number
            found = compare_versions(network_id=self.network.pk, before=version - 1, after=version)
        objections = [] if done.version is None else done.version.objections
        return self._answer(version, found, done.warnings, objections)

    def _check(self, request: Request, text: str) -> Response:
        checked = check_policy_document(network_id=self.network.pk, text=text, now=self.now)
        assessment = checked.assessment
        asker = asker_of(request, user_id=self.user.pk)
        own = own_losses(network=self.network, assessment=assessment, asker=asker)
        return self._answer(checked.version, checked.difference, checked.warnings, assessment.objections, own)

    def _answer(
        self,
        version: int,
        found: Mapping[str, Any],
        warnings: Sequence[str],
        objections: Sequence[str],
        own: OwnLosses | None = None,
    ) -> Response:
        """``own`` is that of a dry run."""
        trial = open_trial(self.network.pk)
        body = {
            "dry_run": own is not None,
            "changed": bool(found),
            "version": version,
            "summary": summary_of(found),
            "warnings": warnings,
            "objections": objections,
            "difference": found,
            "own": None if own is None else describe_own(own),
            "trial": None if trial is None else describe_trial(trial, self.now),
        }
        response = Response(ImportOut(body).data)
        response["ETag"] = f'"{export_policy(network_id=self.network.pk).tag}"'
        return response


def _text(request: Request) -> str:
    body = request.data
    if not isinstance(body, bytes) or not body.strip():
        raise ValidationError("The body is a policy document.")
    return decode(body)


def _tag(request: Request) -> str | None:
    """What If-Match names: this text, or a version. Raises ValidationError for anything else."""
    given = request.META.get("HTTP_IF_MATCH", "").strip()
    if given in ("", "*"):
        return None
    found = _TAG.fullmatch(given)
    if found is None:
        words = "If-Match is one ETag of this policy."
        raise ValidationError(words, errors=(FieldError("If-Match", words),))
    return found[1]
