"""Sessions of nodes: who may speak to the portal, since when, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import display
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from coordinator.consequences import of_leaving
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import IdFilter, TabFilter, tally
from portal.cause import act
from portal.node.damage import rows_of, tick_of, weigh_by_network
from portal.sections import Section, facts
from portal.verbs import Question, Verb, count
from sessions_app.models import NodeSession
from sessions_app.services.sessions import revoke_session


class SessionTabs(TabFilter):
    """Active, or how it ended."""

    title = "state"
    parameter_name = "state"
    always = ("active",)

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """By its end."""
        found = {"active": ("Active", Q(ended_at=None))}
        words = {"expired": "Expired", "revoked": "Revoked", "replaced": "Replaced", "logged_out": "Logged out"}
        return found | {value: (words[value], Q(end_reason=value)) for value in NodeSession.End.values}

    def glyphs(self) -> dict[str, str]:
        """Active ones are lit."""
        return {"active": "online"}

    def counts(self, cl: ChangeList) -> dict[str, int]:
        """One query."""
        return tally(NodeSession, self.options(self.request))


class NodeFilter(IdFilter):
    """One node's."""

    title = "node"
    parameter_name = "node"
    column = "node_id"
    label_column = "node__name"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Only the one chosen elsewhere: a list of all nodes helps nobody."""
        chosen = self.value()
        if not chosen or not self.is_sane(chosen):
            return []
        name = NodeSession.objects.filter(node_id=chosen).values_list("node__name", flat=True).first()
        return [(chosen, name or chosen)]


def _ask(sessions: Sequence[NodeSession]) -> Question:
    what = f"{len(sessions)} sessions" if len(sessions) > 1 else f"the session of {sessions[0].node.name}"
    nodes = [session.node for session in sessions]
    found = weigh_by_network(nodes, lambda network_id, ids: of_leaving(network_id=network_id, node_ids=ids))
    lead = "It ends within 2 seconds, and only a new registration with an auth key brings the machine back."
    return Question(f"Revoke {what}?", lead, "Revoke", rows_of(found), tick_of(found), "Keep")


def _revoke(request: HttpRequest, session: NodeSession, data: dict[str, Any]) -> None:
    revoke_session(session_id=session.pk, **act(request))


class NodeSessionAdmin(ServiceAdmin):
    """One active session a node at most."""

    page_title = "Sessions"
    view_right = "nodes.view"
    verbs = (
        Verb(
            "revoke",
            "Revoke",
            "nodes.manage",
            _revoke,
            lambda rows: f"Revoked: {count(rows, '', 'sessions')}.",
            _ask,
            destroys=True,
            offered=lambda session: session.ended_at is None,
        ),
    )
    empty_text = "A session begins when a machine registers."
    list_display = ("subject", "state", "since", "ends", "origin_mono")
    list_filter = (SessionTabs, NodeFilter)
    search_fields = ("node__name", "origin")
    search_hint = "Node or address"
    search_in = "its node or origin"
    column_css = {
        "subject": "gw-c-subject",
        "state": "gw-c-status gw-c-plain",
        "origin_mono": "gw-c-wide",
        "ends": "gw-c-last",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[NodeSession]:
        """With the nodes, without the digests."""
        rows = super().get_queryset(request).select_related("node")
        return rows.defer("digest", "pending_digest", "node__posture")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """The latest first."""
        return ("-pk",)

    @display(description="Node", ordering="node__name")
    def subject(self, obj: NodeSession) -> SafeString:
        """Whose it is; leads to the session."""
        return html.link(links.change_url("sessions_app.nodesession", obj.pk), obj.node.name, subject=True)

    @display(description="State")
    def state(self, obj: NodeSession) -> SafeString:
        """Active, or why it ended."""
        if obj.ended_at is None:
            return html.status("online", "Active")
        short = "Replaced" if obj.end_reason == NodeSession.End.REPLACED else obj.get_end_reason_display()
        return html.status("disabled" if obj.end_reason == NodeSession.End.REVOKED else "ended", short)

    @display(description="Since", ordering="created_at")
    def since(self, obj: NodeSession) -> SafeString:
        """When it began."""
        return html.ago(obj.created_at, timezone.now())

    @display(description="Ends", ordering="expires_at")
    def ends(self, obj: NodeSession) -> SafeString:
        """When it ends or ended."""
        return html.until(obj.ended_at or obj.expires_at, timezone.now())

    @display(description="From", ordering="origin")
    def origin_mono(self, obj: NodeSession) -> SafeString:
        """The address that it was issued to."""
        return html.mono(obj.origin)

    def heading(self, request: HttpRequest, obj: Any) -> str:
        """Whose."""
        return f"Session of {obj.node.name}"

    def headline(self, request: HttpRequest, obj: Any) -> Sequence[Any]:
        """Its state."""
        return (self.state(obj),)

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """What there is to know. The token is not: only its keyed digest is kept."""
        return [
            Section(
                "Session",
                facts=facts(
                    ("Node", links.node_link(obj.node)),
                    ("Number", html.mono(obj.pk)),
                    ("Since", self.since(obj)),
                    ("Ends", self.ends(obj)),
                    ("From", self.origin_mono(obj)),
                    ("Renewal", "under way" if obj.pending_pepper else "none under way"),
                ),
            )
        ]
