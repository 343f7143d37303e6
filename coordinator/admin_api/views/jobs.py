from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.admin_api.base import AdminView, row_or_404
from coordinator.admin_api.paging import page_of, page_serializer
from coordinator.admin_api.serializers.jobs import (
    JobIn,
    JobOut,
    JobQuery,
    JobStart,
    JobWhole,
    criteria_of,
    describe_job,
)
from coordinator.jobs.preview import preview_of
from coordinator.jobs.services import cancel_job, check_right, plan_job, right_of, start_job, undo_job
from mesh.errors import PermissionDeniedError
from nodes.models import Job
from sessions_app.roles import allows


class JobView(AdminView):
    """Of jobs. What a job may be told depends on its act: each asks for the right of that."""

    noun = "jobs"
    knows = "nodes.view"

    def jobs(self) -> QuerySet[Job]:
        """Those of the network."""
        return Job.objects.filter(network=self.network).select_related("network", "undo_of", "undone_by")

    def job(self, pk: int) -> Job:
        """One that the caller may do. Raises NotFoundError, PermissionDeniedError."""
        job = row_or_404(self.jobs(), pk, "job")
        if not allows(self.user, right_of(job)):
            raise PermissionDeniedError("Your role does not permit this.")
        return job

    def answer(self, pk: int, status: int = 200) -> Response:
        """A job as it now is, with what its plan comes to."""
        job = row_or_404(self.jobs(), pk, "job")
        preview = preview_of(job, self.now) if job.state == Job.State.PLANNED else None
        return Response(JobWhole(describe_job(job, preview=preview, whole=True)).data, status=status)


class JobList(JobView):
    rights = {"GET": "nodes.view", "POST": "nodes.view"}
    queries = {"GET": JobQuery}
    problems = {"POST": (409,)}

    @extend_schema(responses=page_serializer(JobOut), operation_id="admin_list_jobs")
    def get(self, request: Request) -> Response:
        """Lists jobs, the latest first."""
        rows = self.jobs().defer("node_ids", "before", "after", "reasons")
        for member in ("state", "act"):
            if member in self.query:
                rows = rows.filter(**{member: self.query[member]})
        page = page_of(rows, self.query, descending=True)
        return self.answer_page(JobOut, page, [describe_job(job) for job in page.rows])

    @extend_schema(request=JobIn, responses={201: JobWhole}, operation_id="admin_create_job")
    def post(self, request: Request) -> Response:
        """Carries out an act on all nodes that match, in the background. With `dry_run` it is only planned: the answer
        says exactly whom it is about and what is cut, and the plan waits for an hour to be started."""
        fields = self.read(JobIn)
        check_right(self.user, fields["act"])
        job = plan_job(
            network_id=self.network.pk,
            act=fields["act"],
            criteria=criteria_of(fields["nodes"]),
            arguments=fields.get("arguments", {}),
            cause=self.cause,
            now=self.now,
        )
        if not fields.get("dry_run", False):
            start_job(job_id=job.pk, nodes=job.total, cause=self.cause, now=self.now)
        return self.answer(job.pk, 201)


class JobDetail(JobView):
    rights = {"GET": "nodes.view"}

    @extend_schema(responses=JobWhole, operation_id="admin_get_job")
    def get(self, request: Request, pk: int) -> Response:
        """One job, with the ids of its nodes."""
        return self.answer(pk)


class JobStarting(JobView):
    rights = {"POST": "nodes.view"}
    problems = {"POST": (409,)}

    @extend_schema(request=JobStart, responses=JobWhole, operation_id="admin_start_job")
    def post(self, request: Request, pk: int) -> Response:
        """Has a plan carried out. The body names how many nodes it is about: another number is refused (409)."""
        fields = self.read(JobStart)
        start_job(job_id=self.job(pk).pk, nodes=fields["nodes"], cause=self.cause, now=self.now)
        return self.answer(pk)


class JobCancel(JobView):
    rights = {"POST": "nodes.view"}
    problems = {"POST": (409,)}

    @extend_schema(request=None, responses=JobWhole, operation_id="admin_cancel_job")
    def post(self, request: Request, pk: int) -> Response:
        """Ends a job before it is done. What it changed stays changed, and can be undone."""
        self.read_nothing()
        cancel_job(job_id=self.job(pk).pk, now=self.now)
        return self.answer(pk)


class JobUndo(JobView):
    rights = {"POST": "nodes.view"}
    problems = {"POST": (409,)}

    @extend_schema(request=None, responses={201: JobWhole}, operation_id="admin_undo_job")
    def post(self, request: Request, pk: int) -> Response:
        """Gives nodes back what they were before a job, in another job. Who was changed since is left, and named."""
        self.read_nothing()
        undo = undo_job(job_id=self.job(pk).pk, cause=self.cause, now=self.now)
        return self.answer(undo.pk, 201)
