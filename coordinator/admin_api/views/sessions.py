from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.admin_api.base import AdminView, row_or_404
from coordinator.admin_api.paging import page_of, page_serializer
from coordinator.admin_api.serializers.sessions import SessionOut, SessionQuery
from sessions_app.models import NodeSession
from sessions_app.services.sessions import revoke_session


class SessionView(AdminView):
    """Of nodes' sessions. Whoever may not see all sees those of the own devices."""

    noun = "sessions"
    knows = "nodes.view"
    own = True

    def sessions(self) -> QuerySet[NodeSession]:
        """The sessions of the network that the caller may know of, without their digests."""
        rows = NodeSession.objects.filter(node__network=self.network)
        if not self.sees_all:
            rows = rows.filter(node__owner=self.user)
        hidden = ("digest", "pepper", "pending_digest", "pending_pepper", "node__posture", "node__relay_latency_ms")
        return rows.select_related("node").defer(*hidden)

    def answer(self, pk: int) -> Response:
        """A session as it now is."""
        return Response(SessionOut(row_or_404(self.sessions(), pk, "session")).data)


class SessionList(SessionView):
    rights = {"GET": "nodes.view"}
    queries = {"GET": SessionQuery}

    @extend_schema(responses=page_serializer(SessionOut), operation_id="admin_list_sessions")
    def get(self, request: Request) -> Response:
        """Lists sessions, the latest first."""
        rows = self.sessions()
        if "node" in self.query:
            rows = rows.filter(node_id=self.query["node"])
        if "active" in self.query:
            rows = rows.filter(ended_at__isnull=self.query["active"])
        page = page_of(rows, self.query, descending=True)
        return self.answer_page(SessionOut, page, page.rows)


class SessionDetail(SessionView):
    rights = {"GET": "nodes.view"}

    @extend_schema(responses=SessionOut, operation_id="admin_get_session")
    def get(self, request: Request, pk: int) -> Response:
        """One session."""
        return self.answer(pk)


class SessionRevoke(SessionView):
    rights = {"POST": "nodes.manage"}

    @extend_schema(request=None, responses=SessionOut, operation_id="admin_revoke_session")
    def post(self, request: Request, pk: int) -> Response:
        """Ends a session. Only a new registration brings its node back."""
        self.read_nothing()
        session = row_or_404(self.sessions(), pk, "session")
        revoke_session(session_id=session.pk, cause=self.cause, now=self.now)
        return self.answer(pk)
