from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from acl.models import PolicyTest
from acl.services.assertions import create_test, delete_test, update_test
from coordinator.admin_api.base import row_or_404
from coordinator.admin_api.policy_edits import IF_MATCH, PolicyView
from coordinator.admin_api.serializers.policy_tests import TestEdit, TestNew, TestOut, TestsOut, describe_tests
from coordinator.policy.testing import run_tests


class TestView(PolicyView):
    """Of stored tests, which every change of the policy must keep unless it is forced."""

    __test__ = False
    noun = "policy"

    def tests(self) -> QuerySet[PolicyTest]:
        """Those of the network."""
        return PolicyTest.objects.filter(network=self.network)

    def answer(self, pk: int, status: int = 200) -> Response:
        """A test as it now is."""
        found = run_tests(network_id=self.network.pk, rows=[row_or_404(self.tests(), pk, "test")])
        return self.tagged(Response(TestOut(describe_tests(found)[0]).data, status=status))


class TestList(TestView):
    rights = {"GET": "policy.view", "POST": "policy.manage"}

    @extend_schema(responses=TestsOut, operation_id="admin_list_policy_tests")
    def get(self, request: Request) -> Response:
        """Runs all stored tests against the policy in force."""
        found = describe_tests(run_tests(network_id=self.network.pk))
        body = {"passed": all(item["passed"] for item in found), "tests": found}
        return self.tagged(Response(TestsOut(body).data))

    @extend_schema(
        request=TestNew, responses={201: TestOut}, operation_id="admin_create_policy_test", parameters=[IF_MATCH]
    )
    def post(self, request: Request) -> Response:
        """Adds a test. One that fails at once is refused (409) unless it is forced."""
        row = create_test(network_id=self.network.pk, fields=self.read(TestNew), **self.edit_options())
        return self.answer(row.pk, 201)


class TestDetail(TestView):
    rights = {"GET": "policy.view", "PATCH": "policy.manage", "DELETE": "policy.manage"}

    @extend_schema(responses=TestOut, operation_id="admin_get_policy_test")
    def get(self, request: Request, pk: int) -> Response:
        """Runs one stored test."""
        return self.answer(pk)

    @extend_schema(request=TestEdit, responses=TestOut, operation_id="admin_update_policy_test", parameters=[IF_MATCH])
    def patch(self, request: Request, pk: int) -> Response:
        """Changes a test."""
        row = row_or_404(self.tests(), pk, "test")
        update_test(test_id=row.pk, fields=self.read_changes(TestEdit), **self.edit_options())
        return self.answer(pk)

    @extend_schema(request=None, responses={204: None}, operation_id="admin_delete_policy_test", parameters=[IF_MATCH])
    def delete(self, request: Request, pk: int) -> Response:
        """Removes a test."""
        self.read_nothing()
        delete_test(test_id=row_or_404(self.tests(), pk, "test").pk, **self.edit_options())
        return self.tagged(Response(status=204))
