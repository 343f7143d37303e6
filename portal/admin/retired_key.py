"""Keys that no node may use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import display
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from coordinator.lifecycle import release_key
from nodes.models import RetiredKey
from portal import html, links
from portal.admin.base import ServiceAdmin
from portal.admin.filters import NetworkFilter, ValueFilter
from portal.cause import act
from portal.sections import Section, facts
from portal.verbs import Question, Row, Verb, count


class ReasonFilter(ValueFilter):
    """Why it was retired."""

    title = "reason"
    parameter_name = "reason"
    column = "reason"


def _ask(keys: Sequence[RetiredKey]) -> Question:
    what = count(keys, "", "keys")
    rows = [Row(key.node_name_was, "the machine that holds this key may enrol again") for key in keys]
    lead = "Whoever holds the private key may register with it again, given an auth key."
    return Question(f"Release {what}?", lead, "Release", rows, keep="Keep refusing")


def _release(request: HttpRequest, key: RetiredKey, data: dict[str, Any]) -> None:
    release_key(retired_key_id=key.pk, **act(request))


class RetiredKeyAdmin(ServiceAdmin):
    """One key, one node, for good, unless an administrator releases it."""

    view_right = "nodes.view"
    verbs = (
        Verb(
            "release",
            "Release",
            "nodes.manage",
            _release,
            lambda keys: f"{count(keys, '', 'keys')} may be used again.",
            _ask,
        ),
    )
    lead = "Keys of deleted nodes, and keys that were rotated away. A machine that holds one is refused."
    list_display = ("subject", "key", "why", "since")
    list_filter = (NetworkFilter, ReasonFilter)
    search_fields = ("node_name_was", "public_key__startswith")
    search_hint = "Node or key"
    column_css = {"subject": "gw-c-subject", "key": "gw-c-wide gw-c-plain gw-break", "since": "gw-c-status gw-c-plain"}

    @display(description="Was", ordering="node_name_was")
    def subject(self, obj: RetiredKey) -> SafeString:
        """The node that had it."""
        return html.link(links.change_url("nodes.retiredkey", obj.pk), obj.node_name_was, subject=True)

    @display(description="Key")
    def key(self, obj: RetiredKey) -> SafeString:
        """The public key."""
        return html.mono(obj.public_key)

    @display(description="Why", ordering="reason")
    def why(self, obj: RetiredKey) -> str:
        """In words."""
        return obj.get_reason_display()

    @display(description="Since", ordering="created_at")
    def since(self, obj: RetiredKey) -> SafeString:
        """When."""
        return html.ago(obj.created_at, timezone.now())

    def sections(self, request: HttpRequest, obj: Any) -> list[Section]:
        """What there is to know."""
        return [
            Section(
                "Retired key",
                span=8,
                facts=facts(
                    ("Public key", self.key(obj)),
                    ("Node", f"{obj.node_name_was}, id {obj.node_id_was}"),
                    ("Why", self.why(obj)),
                    ("Since", self.since(obj)),
                ),
            )
        ]
