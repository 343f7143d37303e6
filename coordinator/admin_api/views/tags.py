from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from acl.models import TagOwner
from acl.services.tags import delete_tag, save_tag
from coordinator.admin_api.base import row_or_404
from coordinator.admin_api.edits import edit_tag
from coordinator.admin_api.paging import NetworkListQuery, page_of, page_serializer
from coordinator.admin_api.policy_edits import IF_MATCH, PolicyView
from coordinator.admin_api.serializers.tags import TagEdit, TagNew, TagOut, describe_tags


class TagView(PolicyView):
    """Of declared tags."""

    def tags(self) -> QuerySet[TagOwner]:
        """Those of the network."""
        return TagOwner.objects.filter(network=self.network)

    def answer(self, pk: int, status: int = 200) -> Response:
        """A tag as it now is."""
        row = row_or_404(self.tags(), pk, "tag")
        return self.tagged(Response(TagOut(describe_tags([row])[0]).data, status=status))


class TagList(TagView):
    rights = {"GET": "policy.view", "POST": "policy.manage"}
    queries = {**PolicyView.queries, "GET": NetworkListQuery}

    @extend_schema(responses=page_serializer(TagOut), operation_id="admin_list_tags")
    def get(self, request: Request) -> Response:
        """Lists declared tags."""
        page = page_of(self.tags(), self.query)
        return self.tagged(self.answer_page(TagOut, page, describe_tags(page.rows)))

    @extend_schema(request=TagNew, responses={201: TagOut}, operation_id="admin_create_tag", parameters=[IF_MATCH])
    def post(self, request: Request) -> Response:
        """Declares a tag and who owns it."""
        fields = {"owners": []} | self.read(TagNew)
        row = save_tag(network_id=self.network.pk, **fields, **self.edit_options())
        return self.answer(row.pk, 201)


class TagDetail(TagView):
    rights = {"GET": "policy.view", "PATCH": "policy.manage", "DELETE": "policy.manage"}

    @extend_schema(responses=TagOut, operation_id="admin_get_tag")
    def get(self, request: Request, pk: int) -> Response:
        """One tag."""
        return self.answer(pk)

    @extend_schema(request=TagEdit, responses=TagOut, operation_id="admin_update_tag", parameters=[IF_MATCH])
    def patch(self, request: Request, pk: int) -> Response:
        """Changes a tag. Maps follow at once."""
        changes = self.read_changes(TagEdit)
        edit_tag(network_id=self.network.pk, tag_id=pk, changes=changes, **self.edit_options())
        return self.answer(pk)

    @extend_schema(request=None, responses={204: None}, operation_id="admin_delete_tag", parameters=[IF_MATCH])
    def delete(self, request: Request, pk: int) -> Response:
        """Removes a tag, unless an enabled deny rule names it (409)."""
        self.read_nothing()
        row = row_or_404(self.tags(), pk, "tag")
        delete_tag(tag_owner_id=row.pk, **self.edit_options())
        return self.tagged(Response(status=204))
