"""What an administrator can ask of a policy. Questions change nothing, whatever their method."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from acl.selectors import labels_of
from coordinator.admin_api.base import AdminView
from coordinator.admin_api.serializers.policy_explain import ExplainOut, ExplainQuery, describe_explanation
from coordinator.admin_api.serializers.policy_lint import LintOut, describe_remark
from coordinator.admin_api.serializers.policy_matrix import MatrixOut, MatrixQuery
from coordinator.admin_api.serializers.policy_preview import PreviewBody, PreviewOut, describe_preview, edits_of
from coordinator.policy.documents import check_policy_document
from coordinator.policy.explain import explain_flow
from coordinator.policy.lint import lint_policy
from coordinator.policy.matrix import SHOWN, policy_matrix
from coordinator.policy.own_machines import asker_of, own_losses
from coordinator.policy.preview import LISTED, preview_edits, preview_of
from mesh.explain.matrix import GroupBy


class QuestionView(AdminView):
    """Of questions."""

    noun = "policy"
    knows = "policy.view"


class PolicyPreviewView(QuestionView):
    rights = {"POST": "policy.view"}

    @extend_schema(request=PreviewBody, responses=PreviewOut, operation_id="admin_preview_policy")
    def post(self, request: Request) -> Response:
        """What edits of rules, or a whole document, would change about who sees whom. Nothing is saved."""
        body = self.read(PreviewBody)
        limit = body.get("limit", LISTED)
        network_id = self.network.pk
        if "document" in body:
            checked = check_policy_document(network_id=network_id, text=body["document"], now=self.now)
            found = preview_of(checked.version, checked.assessment, limit)
        else:
            edits = edits_of(body["edits"])
            found = preview_edits(network_id=network_id, edits=edits, now=self.now, limit=limit)
        asker = asker_of(request, user_id=self.user.pk)
        own = own_losses(network=self.network, assessment=found.assessment, asker=asker)
        return Response(PreviewOut(describe_preview(found, labels_of(network_id), own)).data)


class PolicyExplain(QuestionView):
    rights = {"GET": "policy.view"}
    queries = {"GET": ExplainQuery}

    @extend_schema(responses=ExplainOut, operation_id="admin_explain_policy")
    def get(self, request: Request) -> Response:
        """Which rule decides a flow, and why none before it did."""
        query = dict(self.query)
        query.pop("network", None)
        found = explain_flow(network_id=self.network.pk, **query)
        return Response(ExplainOut(describe_explanation(found)).data)


class PolicyLint(QuestionView):
    rights = {"GET": "policy.view"}

    @extend_schema(responses=LintOut, operation_id="admin_lint_policy")
    def get(self, request: Request) -> Response:
        """What is worth a remark: rules that can never decide, selectors that match nothing, access that ends soon."""
        labels = labels_of(self.network.pk)
        remarks = lint_policy(network_id=self.network.pk, now=self.now)
        return Response(LintOut({"remarks": [describe_remark(item, labels) for item in remarks]}).data)


class PolicyMatrixView(QuestionView):
    rights = {"GET": "policy.view"}
    queries = {"GET": MatrixQuery}

    @extend_schema(responses=MatrixOut, operation_id="admin_policy_matrix")
    def get(self, request: Request) -> Response:
        """Who reaches whom on which ports, by user, group, tag or policy class."""
        by, limit = GroupBy(self.query["by"]), self.query.get("limit", SHOWN)
        return Response(MatrixOut(policy_matrix(network_id=self.network.pk, by=by, limit=limit)).data)
