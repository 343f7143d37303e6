from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from acl.models import Group
from acl.services.groups import delete_group, save_group
from coordinator.admin_api.base import row_or_404
from coordinator.admin_api.edits import edit_group
from coordinator.admin_api.paging import NetworkListQuery, page_of, page_serializer
from coordinator.admin_api.policy_edits import IF_MATCH, PolicyView
from coordinator.admin_api.serializers.groups import GroupEdit, GroupNew, GroupOut, describe_groups


class GroupView(PolicyView):
    """Of groups."""

    def groups(self) -> QuerySet[Group]:
        """Those of the network."""
        return Group.objects.filter(network=self.network).prefetch_related("members")

    def answer(self, pk: int, status: int = 200) -> Response:
        """A group as it now is."""
        row = row_or_404(self.groups(), pk, "group")
        return self.tagged(Response(GroupOut(describe_groups([row])[0]).data, status=status))


class GroupList(GroupView):
    rights = {"GET": "policy.view", "POST": "policy.manage"}
    queries = {**PolicyView.queries, "GET": NetworkListQuery}

    @extend_schema(responses=page_serializer(GroupOut), operation_id="admin_list_groups")
    def get(self, request: Request) -> Response:
        """Lists groups."""
        page = page_of(self.groups(), self.query)
        return self.tagged(self.answer_page(GroupOut, page, describe_groups(page.rows)))

    @extend_schema(
        request=GroupNew, responses={201: GroupOut}, operation_id="admin_create_group", parameters=[IF_MATCH]
    )
    def post(self, request: Request) -> Response:
        """Makes a group of users and groups."""
        fields = {"users": [], "subgroups": []} | self.read(GroupNew)
        row = save_group(network_id=self.network.pk, **fields, **self.edit_options())
        return self.answer(row.pk, 201)


class GroupDetail(GroupView):
    rights = {"GET": "policy.view", "PATCH": "policy.manage", "DELETE": "policy.manage"}

    @extend_schema(responses=GroupOut, operation_id="admin_get_group")
    def get(self, request: Request, pk: int) -> Response:
        """One group."""
        return self.answer(pk)

    @extend_schema(request=GroupEdit, responses=GroupOut, operation_id="admin_update_group", parameters=[IF_MATCH])
    def patch(self, request: Request, pk: int) -> Response:
        """Changes a group. Maps follow at once."""
        changes = self.read_changes(GroupEdit)
        edit_group(network_id=self.network.pk, group_id=pk, changes=changes, **self.edit_options())
        return self.answer(pk)

    @extend_schema(request=None, responses={204: None}, operation_id="admin_delete_group", parameters=[IF_MATCH])
    def delete(self, request: Request, pk: int) -> Response:
        """Removes a group, unless an enabled deny rule names it (409)."""
        self.read_nothing()
        row = row_or_404(self.groups(), pk, "group")
        delete_group(group_id=row.pk, **self.edit_options())
        return self.tagged(Response(status=204))
