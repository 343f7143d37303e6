"""Approvals: machines that wait for somebody to let them in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from coordinator.enrolments import approve_enrolment, reject_enrolment
from mesh.keys import decode_public_key, fingerprint
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import NetworkFilter
from portal.cause import act
from portal.forms import ListField, ServiceForm
from portal.sections import Section, facts
from portal.verbs import Question, Row, Verb, count
from sessions_app.models import Enrolment, User
from sessions_app.services.enrolments import live_enrolments

STATES = {"pending": ("waiting", "Waiting"), "approved": ("online", "Approved"), "rejected": ("disabled", "Rejected")}


class ApprovalForm(ServiceForm):
    """With which tags a machine is let in."""

    tags = ListField(
        required=False, help_text="Such as tag:web, tag:db. Empty: it is your own device, or what its auth key says."
    )
    field_css = {"tags": "gw-field-mono"}

    def initial_of(self, obj: Any) -> dict[str, Any]:
        """What it wishes for; nothing where its key decided."""
        return {"tags": [] if obj.auth_key_id is not None or obj.node_id is not None else obj.tags}

    def clean_tags(self) -> list[str]:
        """``web`` is meant as ``tag:web``."""
        return [tag if tag.lower().startswith("tag:") else f"tag:{tag}" for tag in self.cleaned_data["tags"]]


def _ask_approval(machines: Sequence[Enrolment]) -> Question:
    rows = [
        Row(each.hostname, f"{_fingerprint(each)}, from {each.origin or 'an unknown address'}") for each in machines
    ]
    lead = "Compare the fingerprint with what the machine shows. It gets a name and addresses at once."
    return Question(f"Let {machines[0].hostname} in?", lead, "Approve", rows)


def _approve(request: HttpRequest, enrolment: Enrolment, data: dict[str, Any]) -> None:
    tags = data["tags"]
    approve_enrolment(enrolment_id=enrolment.pk, actor=_person(request), tags=tags, **act(request))


def _ask_rejection(machines: Sequence[Enrolment]) -> Question:
    what = machines[0].hostname if len(machines) == 1 else f"{len(machines)} machines"
    rows = [Row(each.hostname, "is told so, and may ask again") for each in machines]
    return Question(f"Reject {what}?", "They join nothing.", "Reject", rows, keep="Keep waiting")


def _reject(request: HttpRequest, enrolment: Enrolment, data: dict[str, Any]) -> None:
    reject_enrolment(enrolment_id=enrolment.pk, actor=_person(request), **act(request))


def _person(request: HttpRequest) -> User:
    person = request.user
    assert isinstance(person, User)
    return person


def _fingerprint(enrolment: Enrolment) -> str:
    return fingerprint(decode_public_key(enrolment.public_key))


def _is_pending(enrolment: Enrolment) -> bool:
    return enrolment.state == Enrolment.State.PENDING and enrolment.expires_at > timezone.now()


class EnrolmentAdmin(ServiceAdmin):
    """They wait ten minutes and hold nothing meanwhile."""

    page_title = "Approvals"
    view_right = "nodes.view"
    verbs = (
        Verb(
            "approve",
            "Approve",
            "nodes.approve",
            _approve,
            lambda rows: f"{count([row.hostname for row in rows], '', 'machines')} may join.",
            _ask_approval,
            form=ApprovalForm,
            bulk=False,
            offered=_is_pending,
        ),
        Verb(
            "reject",
            "Reject",
            "nodes.approve",
            _reject,
            lambda rows: f"Rejected: {count([row.hostname for row in rows], '', 'machines')}.",
            _ask_rejection,
            destroys=True,
            offered=_is_pending,
        ),
    )
    lead = "Machines that asked to join without an auth key, or wait because the network approves each new node."
    empty_title = "No machine waits"
    empty_text = "ghostwire-agent up without an auth key shows a code there, and the machine here, for ten minutes."
    list_display = ("subject", "state_word", "code_mono", "print_mono", "origin_mono", "asked")
    list_filter = (NetworkFilter,)
    search_fields = ("code__startswith", "origin", "public_key__startswith")
    search_hint = "Code or address"
    search_in = "its code, address or key"
    column_css = {
        "subject": "gw-c-subject",
        "state_word": "gw-c-status gw-c-plain",
        "print_mono": "gw-c-wide gw-c-plain",
        "origin_mono": "gw-c-minor",
        "asked": "gw-c-last",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Enrolment]:
        """Those whose time is not over."""
        live = live_enrolments(timezone.now()).values("pk")
        return super().get_queryset(request).filter(pk__in=live).select_related("network", "node", "auth_key__owner")

    @display(description="Machine")
    def subject(self, obj: Enrolment) -> SafeString:
        """What it calls itself."""
        return html.link(links.change_url("sessions_app.enrolment", obj.pk), obj.hostname, subject=True)

    @display(description="State", ordering="state")
    def state_word(self, obj: Enrolment) -> SafeString:
        """Waiting, or what was decided."""
        return html.status(*STATES[obj.state])

    @display(description="Code")
    def code_mono(self, obj: Enrolment) -> SafeString:
        """What the machine shows."""
        return html.mono(obj.shown_code)

    @display(description="Fingerprint")
    def print_mono(self, obj: Enrolment) -> SafeString:
        """Of its key."""
        return html.mono(_fingerprint(obj))

    @display(description="From", ordering="origin")
    def origin_mono(self, obj: Enrolment) -> SafeString:
        """The address that it asked from."""
        return html.mono(obj.origin)

    @display(description="Asked", ordering="created_at")
    def asked(self, obj: Enrolment) -> SafeString:
        """When."""
        return html.ago(obj.created_at, timezone.now())

    def heading(self, request: HttpRequest, obj: Any) -> str:
        """What it calls itself."""
        return str(obj.hostname)

    def headline(self, request: HttpRequest, obj: Any) -> Sequence[Any]:
        """Its state and code."""
        return (self.state_word(obj), self.code_mono(obj))

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """What there is to compare, and what it wishes for."""
        said = obj.reported
        page = reverse("enrol_machine", args=[obj.shown_code])
        return [
            Section(
                "What asks",
                facts=facts(
                    ("Fingerprint", self.print_mono(obj)),
                    ("From", self.origin_mono(obj)),
                    ("System", f"{said.get('os', '')} {said.get('os_version', '')}".strip()),
                    ("Agent", said.get("agent_version", "")),
                    ("Asked", self.asked(obj)),
                    ("Ends", html.until(obj.expires_at, timezone.now())),
                ),
                ident="gw-asking",
                refresh="enrolments",
            ),
            Section(
                "What it gets",
                facts=facts(
                    ("Network", obj.network.name),
                    ("Auth key", None if obj.auth_key is None else str(obj.auth_key)),
                    ("Belongs to", None if obj.auth_key is None or obj.tags else links.person(obj.auth_key.owner)),
                    ("Tags", html.chips(obj.tags) if obj.tags else None),
                    ("Node", None if obj.node is None else links.node_link(obj.node)),
                    ("Page for its person", html.link(page, page)),
                ),
            ),
        ]
