from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from acl.models import Host
from acl.services.hosts import delete_host, save_host
from coordinator.admin_api.base import row_or_404
from coordinator.admin_api.edits import edit_host
from coordinator.admin_api.paging import NetworkListQuery, page_of, page_serializer
from coordinator.admin_api.policy_edits import IF_MATCH, PolicyView
from coordinator.admin_api.serializers.hosts import HostEdit, HostNew, HostOut


class HostView(PolicyView):
    """Of named hosts."""

    def hosts(self) -> QuerySet[Host]:
        """Those of the network."""
        return Host.objects.filter(network=self.network)

    def answer(self, pk: int, status: int = 200) -> Response:
        """A host as it now is."""
        row = row_or_404(self.hosts(), pk, "host")
        return self.tagged(Response(HostOut(row).data, status=status))


class HostList(HostView):
    rights = {"GET": "policy.view", "POST": "policy.manage"}
    queries = {**PolicyView.queries, "GET": NetworkListQuery}

    @extend_schema(responses=page_serializer(HostOut), operation_id="admin_list_hosts")
    def get(self, request: Request) -> Response:
        """Lists named hosts."""
        page = page_of(self.hosts(), self.query)
        return self.tagged(self.answer_page(HostOut, page, page.rows))

    @extend_schema(request=HostNew, responses={201: HostOut}, operation_id="admin_create_host", parameters=[IF_MATCH])
    def post(self, request: Request) -> Response:
        """Gives an address or a CIDR a name."""
        fields = self.read(HostNew)
        row = save_host(network_id=self.network.pk, **fields, **self.edit_options())
        return self.answer(row.pk, 201)


class HostDetail(HostView):
    rights = {"GET": "policy.view", "PATCH": "policy.manage", "DELETE": "policy.manage"}

    @extend_schema(responses=HostOut, operation_id="admin_get_host")
    def get(self, request: Request, pk: int) -> Response:
        """One host."""
        return self.answer(pk)

    @extend_schema(request=HostEdit, responses=HostOut, operation_id="admin_update_host", parameters=[IF_MATCH])
    def patch(self, request: Request, pk: int) -> Response:
        """Changes a host. Maps follow at once."""
        changes = self.read_changes(HostEdit)
        edit_host(network_id=self.network.pk, host_id=pk, changes=changes, **self.edit_options())
        return self.answer(pk)

    @extend_schema(request=None, responses={204: None}, operation_id="admin_delete_host", parameters=[IF_MATCH])
    def delete(self, request: Request, pk: int) -> Response:
        """Removes a host, unless an enabled deny rule names it (409)."""
        self.read_nothing()
        row = row_or_404(self.hosts(), pk, "host")
        delete_host(host_id=row.pk, **self.edit_options())
        return self.tagged(Response(status=204))
