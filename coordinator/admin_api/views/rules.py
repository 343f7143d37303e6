from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from acl.models import AclRule
from acl.services.rules import create_rule, delete_rule, move_rule, reorder_rules, update_rule
from coordinator.admin_api.base import row_or_404
from coordinator.admin_api.paging import NetworkListQuery, page_of, page_serializer
from coordinator.admin_api.policy_edits import EDITS, IF_MATCH, PolicyView
from coordinator.admin_api.serializers.policy_trial import TrialEditQuery
from coordinator.admin_api.serializers.rules import RuleEdit, RuleMove, RuleNew, RuleOrder, RuleOut, describe_rules


class RuleView(PolicyView):
    """Of rules."""

    queries = dict.fromkeys(EDITS, TrialEditQuery)

    def rules(self) -> QuerySet[AclRule]:
        """Those of the network."""
        return AclRule.objects.filter(network=self.network)

    def rule(self, pk: int) -> AclRule:
        """One of them. Raises NotFoundError."""
        return row_or_404(self.rules(), pk, "rule")

    def answer(self, pk: int, status: int = 200) -> Response:
        """A rule as it now is."""
        body = RuleOut(describe_rules([self.rule(pk)], self.now)[0]).data
        return self.tagged(Response(body, status=status))


class RuleList(RuleView):
    rights = {"GET": "policy.view", "POST": "policy.manage"}
    queries = {**RuleView.queries, "GET": NetworkListQuery}

    @extend_schema(responses=page_serializer(RuleOut), operation_id="admin_list_rules")
    def get(self, request: Request) -> Response:
        """Lists rules in the order in which they are evaluated; ``after`` is a position."""
        page = page_of(self.rules(), self.query, key="position")
        return self.tagged(self.answer_page(RuleOut, page, describe_rules(page.rows, self.now)))

    @extend_schema(request=RuleNew, responses={201: RuleOut}, operation_id="admin_create_rule", parameters=[IF_MATCH])
    def post(self, request: Request) -> Response:
        """Makes a rule. It is in force when this call answers."""
        fields = self.read(RuleNew)
        position = fields.pop("position", None)
        options = self.edit_options()
        rule = self.apply(lambda: create_rule(network_id=self.network.pk, fields=fields, position=position, **options))
        return self.answer(rule.pk, 201)


class RuleDetail(RuleView):
    rights = {"GET": "policy.view", "PATCH": "policy.manage", "DELETE": "policy.manage"}

    @extend_schema(responses=RuleOut, operation_id="admin_get_rule")
    def get(self, request: Request, pk: int) -> Response:
        """One rule."""
        return self.answer(pk)

    @extend_schema(request=RuleEdit, responses=RuleOut, operation_id="admin_update_rule", parameters=[IF_MATCH])
    def patch(self, request: Request, pk: int) -> Response:
        """Changes a rule. Maps follow at once. A schedule and conditions are replaced whole."""
        rule = self.rule(pk)
        changes, options = self.read_changes(RuleEdit), self.edit_options()
        self.apply(lambda: update_rule(rule_id=rule.pk, fields=changes, **options))
        return self.answer(pk)

    @extend_schema(request=None, responses={204: None}, operation_id="admin_delete_rule", parameters=[IF_MATCH])
    def delete(self, request: Request, pk: int) -> Response:
        """Removes a rule."""
        self.read_nothing()
        rule, options = self.rule(pk), self.edit_options()
        self.apply(lambda: delete_rule(rule_id=rule.pk, **options))
        return self.tagged(Response(status=204))


class RuleReorder(RuleView):
    rights = {"POST": "policy.manage"}

    @extend_schema(request=RuleMove, responses=RuleOut, operation_id="admin_move_rule", parameters=[IF_MATCH])
    def post(self, request: Request, pk: int) -> Response:
        """Puts a rule at another place; those behind it move along."""
        rule, position = self.rule(pk), self.read(RuleMove)["position"]
        options = self.edit_options()
        self.apply(lambda: move_rule(rule_id=rule.pk, position=position, **options))
        return self.answer(pk)


class RuleOrderAll(RuleView):
    rights = {"PUT": "policy.manage"}

    @extend_schema(request=RuleOrder, responses=RuleOrder, operation_id="admin_order_rules", parameters=[IF_MATCH])
    def put(self, request: Request) -> Response:
        """Puts all rules in another order at once: exactly those that there are (409)."""
        order, options = self.read(RuleOrder)["order"], self.edit_options()
        self.apply(lambda: reorder_rules(network_id=self.network.pk, rule_ids=order, **options))
        return self.tagged(Response({"order": order}))
