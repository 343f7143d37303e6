from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coordinator.admin_api.fields import AddressField, StrictSerializer, TextField
from coordinator.admin_api.paging import NetworkListQuery
from nodes.models import DnsRecord


class DnsRecordOut(serializers.Serializer[Any]):
    """A name that the mesh's resolver answers beside those of the nodes."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    type = serializers.ChoiceField(choices=DnsRecord.Type.values)
    value = serializers.IPAddressField()

    class Meta:
        ref_name = "DnsRecord"


class DnsRecordNew(StrictSerializer):
    """A record to make. ``name`` is fully qualified; ``value`` an address of the type's family."""

    name = TextField(max_length=253)
    type = serializers.ChoiceField(choices=DnsRecord.Type.values)
    value = AddressField()


class DnsRecordEdit(StrictSerializer):
    """What of a record is to change."""

    name = TextField(required=False, max_length=253)
    type = serializers.ChoiceField(required=False, choices=DnsRecord.Type.values)
    value = AddressField(required=False)


class DnsRecordQuery(NetworkListQuery):
    """Which records."""

    name = TextField(required=False, max_length=253, help_text="The very name.")
    type = serializers.ChoiceField(required=False, choices=DnsRecord.Type.values)
