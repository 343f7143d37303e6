from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coordinator.admin_api.fields import LAST_ID, InstantField, QueryNumberField, TextField
from coordinator.admin_api.paging import MAX_LIMIT, NetworkListQuery, NoQuery
from coordinator.events.entry import ACTORS, AUDIT_KINDS, CHANGE_KINDS
from mesh.change import ChangeKind


class ChangeLine(serializers.Serializer[Any]):
    """One step of the network's map: what kind, and who caused it (``user:7``, ``node:12``, ``system:sweep``)."""

    version = serializers.IntegerField()
    kind = serializers.CharField()
    actor = serializers.CharField()
    origin = serializers.CharField(allow_blank=True)
    request_id = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    pruned = serializers.BooleanField(help_text="Its facts and origin were not kept any longer.")


class ChangeOut(ChangeLine):
    """One step with its facts: what became true, whole. Their shape depends on the kind. None are left if `pruned`."""

    facts = serializers.DictField()

    class Meta:
        ref_name = "Change"


class DeliveryOut(serializers.Serializer[Any]):
    """How far a change has come. The lists are ids of connected nodes whose maps it changed; both are null where it is
    too old to tell."""

    version = serializers.IntegerField()
    acknowledged = serializers.ListField(
        child=serializers.IntegerField(), allow_null=True, help_text="Those that applied it, or a later version."
    )
    waiting = serializers.ListField(
        child=serializers.IntegerField(), allow_null=True, help_text="Those that have not yet."
    )
    last_node = serializers.IntegerField(
        allow_null=True, help_text="The last to acknowledge it, among those of which the instant is still known."
    )
    last_seconds = serializers.FloatField(allow_null=True, help_text="How long that one took.")

    class Meta:
        ref_name = "Delivery"


class ChangeQuery(NetworkListQuery):
    """Which changes. ``after`` is a version: the list goes back in time from there."""

    kind = serializers.ChoiceField(required=False, choices=[kind.value for kind in ChangeKind])
    actor = TextField(required=False, max_length=64, help_text="Who caused it, such as user:7.")


class EventLine(serializers.Serializer[Any]):
    """One event: a change of the map (``source`` map), or an entry of the audit trail (``access``)."""

    ref = serializers.CharField(help_text="How it is called: `events/REF`.")
    source = serializers.ChoiceField(choices=["map", "access"])  # type: ignore[assignment]  # fields leave the class
    kind = serializers.CharField()
    at = serializers.DateTimeField()
    last_at = serializers.DateTimeField(help_text="The last time, where it repeated within a minute.")
    count = serializers.IntegerField()
    version = serializers.IntegerField(allow_null=True, help_text="The map version that it made.")
    network = serializers.CharField(allow_null=True)
    actor = serializers.CharField()
    actor_name = serializers.CharField()
    origin = serializers.CharField(allow_blank=True)
    request_id = serializers.CharField(allow_blank=True)
    summary = serializers.CharField()
    nodes = serializers.ListField(child=serializers.IntegerField())


class DifferenceOut(serializers.Serializer[Any]):
    """One member that a change changed; null: there was, or is, none."""

    thing = serializers.CharField()
    member = serializers.CharField()
    before = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)

    class Meta:
        ref_name = "Difference"


class EventOut(EventLine):
    """One event with its facts, and for a change what was so before and after."""

    facts = serializers.DictField()
    differences = DifferenceOut(many=True)
    unknown = serializers.ListField(
        child=serializers.CharField(), help_text="Things whose former facts are not kept, or lie too far back."
    )

    class Meta:
        ref_name = "Event"


class EventPage(serializers.Serializer[Any]):
    """One page. ``next`` goes on even where a page is short: ``looked_until`` says how far back it looked."""

    results = EventLine(many=True)
    next = serializers.URLField(allow_null=True)
    looked_until = serializers.DateTimeField(allow_null=True)


class EventQuery(NoQuery):
    """Which events. A network or a node leaves out the audit trail, which belongs to none."""

    limit = QueryNumberField(required=False, min_value=1, max_value=MAX_LIMIT)
    after = TextField(required=False, max_length=64, help_text="Where the page before ended: follow `next`.")
    kind = serializers.ChoiceField(required=False, choices=["map", "access", *CHANGE_KINDS, *AUDIT_KINDS])
    actor = TextField(required=False, max_length=64, help_text=f"user:7, node:12, or one of {', '.join(ACTORS)}.")
    node = QueryNumberField(required=False, min_value=1, max_value=LAST_ID)
    network = TextField(required=False, max_length=64)
    since = InstantField(required=False)
    until = InstantField(required=False)
    q = TextField(required=False, max_length=100, help_text="Part of what was said; an origin or request, whole.")
