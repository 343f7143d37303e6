from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.admin_api.base import AdminView, row_or_404
from coordinator.admin_api.paging import page_of, page_serializer
from coordinator.admin_api.serializers.enrolments import EnrolmentApproval, EnrolmentOut, EnrolmentQuery
from coordinator.enrolments import approve_enrolment, reject_enrolment
from sessions_app.models import Enrolment
from sessions_app.services.enrolments import live_enrolments, read_code


class EnrolmentView(AdminView):
    """Of machines that wait for a person."""

    noun = "enrolments"
    knows = "nodes.view"

    def enrolments(self) -> QuerySet[Enrolment]:
        """Those of the network whose time is not over."""
        return live_enrolments(self.now).filter(network=self.network).select_related("network")

    def answer(self, pk: int) -> Response:
        """A request as it now is."""
        return Response(EnrolmentOut(row_or_404(self.enrolments(), pk, "waiting machine")).data)


class EnrolmentList(EnrolmentView):
    rights = {"GET": "nodes.view"}
    queries = {"GET": EnrolmentQuery}

    @extend_schema(responses=page_serializer(EnrolmentOut), operation_id="admin_list_enrolments")
    def get(self, request: Request) -> Response:
        """Lists machines that asked to join without an auth key, or wait for approval; the latest first."""
        rows = self.enrolments()
        if "state" in self.query:
            rows = rows.filter(state=self.query["state"])
        if "code" in self.query:
            rows = rows.filter(code=read_code(self.query["code"]))
        page = page_of(rows, self.query, descending=True)
        return self.answer_page(EnrolmentOut, page, page.rows)


class EnrolmentDetail(EnrolmentView):
    rights = {"GET": "nodes.view"}

    @extend_schema(responses=EnrolmentOut, operation_id="admin_get_enrolment")
    def get(self, request: Request, pk: int) -> Response:
        """One waiting machine."""
        return self.answer(pk)


class EnrolmentApprove(EnrolmentView):
    rights = {"POST": "nodes.approve"}
    problems = {"POST": (409, 507)}

    @extend_schema(request=EnrolmentApproval, responses=EnrolmentOut, operation_id="admin_approve_enrolment")
    def post(self, request: Request, pk: int) -> Response:
        """Lets a waiting machine in, as your own device unless the body or its auth key says otherwise."""
        fields = self.read(EnrolmentApproval)
        found = row_or_404(self.enrolments(), pk, "waiting machine")
        approve_enrolment(
            enrolment_id=found.pk,
            actor=self.user,
            owner_id=fields.get("user"),
            tags=fields.get("tags", ()),
            cause=self.cause,
            now=self.now,
        )
        return self.answer(pk)


class EnrolmentReject(EnrolmentView):
    rights = {"POST": "nodes.approve"}
    problems = {"POST": (409,)}

    @extend_schema(request=None, responses=EnrolmentOut, operation_id="admin_reject_enrolment")
    def post(self, request: Request, pk: int) -> Response:
        """Turns a waiting machine away."""
        self.read_nothing()
        found = row_or_404(self.enrolments(), pk, "waiting machine")
        reject_enrolment(enrolment_id=found.pk, actor=self.user, cause=self.cause, now=self.now)
        return self.answer(pk)
