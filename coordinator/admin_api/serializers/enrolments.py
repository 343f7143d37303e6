from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coordinator.admin_api.fields import IdField, StrictSerializer, TextField, TextListField
from coordinator.admin_api.paging import NetworkListQuery
from mesh.keys import decode_public_key, fingerprint
from sessions_app.models import Enrolment


class EnrolmentOut(serializers.Serializer[Any]):
    """A machine that asked to join and waits for a person, or was decided in the last minutes.

    ``code`` is what the machine shows, and opens nothing. ``tags``: those it wishes for, or gets by its auth key.
    ``node``: the node that it became, or that its key belongs to already.
    """

    id = serializers.IntegerField()
    network = serializers.CharField(source="network.name")
    state = serializers.ChoiceField(choices=Enrolment.State.values)
    code = serializers.CharField(source="shown_code")
    hostname = serializers.CharField()
    public_key = serializers.CharField()
    fingerprint = serializers.SerializerMethodField()
    origin = serializers.CharField(allow_blank=True)
    os = serializers.SerializerMethodField()
    os_version = serializers.SerializerMethodField()
    agent_version = serializers.SerializerMethodField()
    tags = serializers.ListField(child=serializers.CharField())
    auth_key = serializers.IntegerField(source="auth_key_id", allow_null=True)
    node = serializers.IntegerField(source="node_id", allow_null=True)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.IntegerField(source="decided_by_id", allow_null=True)

    class Meta:
        ref_name = "Enrolment"

    def get_fingerprint(self, enrolment: Enrolment) -> str:
        """What people compare with the machine's screen."""
        return fingerprint(decode_public_key(enrolment.public_key))

    def get_os(self, enrolment: Enrolment) -> str:
        """As the machine says."""
        return str(enrolment.reported.get("os", ""))

    def get_os_version(self, enrolment: Enrolment) -> str:
        """As the machine says."""
        return str(enrolment.reported.get("os_version", ""))

    def get_agent_version(self, enrolment: Enrolment) -> str:
        """As the machine says."""
        return str(enrolment.reported.get("agent_version", ""))


class EnrolmentApproval(StrictSerializer):
    """Whom the machine belongs to: ``user`` (by default you) or ``tags``; neither where that is settled already."""

    user = IdField(required=False)
    tags = TextListField(required=False, each=67, most=64)


class EnrolmentQuery(NetworkListQuery):
    """Which waiting machines."""

    state = serializers.ChoiceField(required=False, choices=Enrolment.State.values)
    code = TextField(required=False, max_length=32, help_text="As the machine shows it.")
