from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.admin_api.base import AdminView, row_or_404
from coordinator.admin_api.edits import edit_record
from coordinator.admin_api.paging import page_of, page_serializer
from coordinator.admin_api.serializers.dns_records import DnsRecordEdit, DnsRecordNew, DnsRecordOut, DnsRecordQuery
from nodes.models import DnsRecord
from nodes.services.dns import delete_record, save_record


class DnsRecordView(AdminView):
    """Of DNS records."""

    noun = "dns-records"
    knows = "network.view"

    def records(self) -> QuerySet[DnsRecord]:
        """Those of the network."""
        return DnsRecord.objects.filter(network=self.network)


class DnsRecordList(DnsRecordView):
    rights = {"GET": "network.view", "POST": "network.manage"}
    queries = {"GET": DnsRecordQuery}
    problems = {"POST": (409,)}

    @extend_schema(responses=page_serializer(DnsRecordOut), operation_id="admin_list_dns_records")
    def get(self, request: Request) -> Response:
        """Lists DNS records."""
        wanted = {member: self.query[member] for member in ("name", "type") if member in self.query}
        page = page_of(self.records().filter(**wanted), self.query)
        return self.answer_page(DnsRecordOut, page, page.rows)

    @extend_schema(request=DnsRecordNew, responses={201: DnsRecordOut}, operation_id="admin_create_dns_record")
    def post(self, request: Request) -> Response:
        """Makes a DNS record."""
        fields = self.read(DnsRecordNew)
        record = save_record(network_id=self.network.pk, cause=self.cause, now=self.now, **fields)
        return Response(DnsRecordOut(record).data, status=201)


class DnsRecordDetail(DnsRecordView):
    rights = {"GET": "network.view", "PATCH": "network.manage", "DELETE": "network.manage"}
    problems = {"PATCH": (409,)}

    @extend_schema(responses=DnsRecordOut, operation_id="admin_get_dns_record")
    def get(self, request: Request, pk: int) -> Response:
        """One DNS record."""
        return Response(DnsRecordOut(row_or_404(self.records(), pk, "DNS record")).data)

    @extend_schema(request=DnsRecordEdit, responses=DnsRecordOut, operation_id="admin_update_dns_record")
    def patch(self, request: Request, pk: int) -> Response:
        """Changes a DNS record."""
        changes = self.read_changes(DnsRecordEdit)
        record = edit_record(network_id=self.network.pk, record_id=pk, changes=changes, cause=self.cause, now=self.now)
        return Response(DnsRecordOut(record).data)

    @extend_schema(request=None, responses={204: None}, operation_id="admin_delete_dns_record")
    def delete(self, request: Request, pk: int) -> Response:
        """Removes a DNS record."""
        self.read_nothing()
        delete_record(record_id=row_or_404(self.records(), pk, "DNS record").pk, cause=self.cause, now=self.now)
        return Response(status=204)
