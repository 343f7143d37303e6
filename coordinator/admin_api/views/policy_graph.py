"""The graph of the network, for programs."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.admin_api.serializers.policy_graph import GraphOut, GraphQuery, describe_graph
from coordinator.admin_api.views.policy_questions import QuestionView
from coordinator.policy.graph import live_graph
from mesh.explain.graph import LIMIT, GraphBy


class PolicyGraphView(QuestionView):
    rights = {"GET": "policy.view"}
    queries = {"GET": GraphQuery}

    @extend_schema(responses=GraphOut, operation_id="admin_policy_graph")
    def get(self, request: Request) -> Response:
        """Who sees whom between groups of nodes, by tag, user or policy class, and what they may do."""
        by, limit = GraphBy(self.query["by"]), self.query.get("limit", LIMIT)
        found = live_graph(network_id=self.network.pk, by=by, now=self.now, limit=limit)
        return Response(GraphOut(describe_graph(found)).data)
