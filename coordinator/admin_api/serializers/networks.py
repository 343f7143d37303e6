from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coordinator.admin_api.fields import (
    AddressField,
    FlagField,
    StrictSerializer,
    TextField,
    TextListField,
    WholeNumberField,
)

MAX_SECONDS = 2**31 - 1


def _seconds() -> WholeNumberField:
    return WholeNumberField(required=False, min_value=0, max_value=MAX_SECONDS)


class NetworkOut(serializers.Serializer[Any]):
    """A network: its ranges, its times, its DNS settings and where its map and policy stand. Times in seconds."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    domain = serializers.CharField()
    ipv4_range = serializers.CharField()
    ipv6_range = serializers.CharField(allow_null=True)
    excluded = serializers.ListField(child=serializers.CharField())
    keepalive_seconds = serializers.IntegerField()
    grace_seconds = serializers.IntegerField()
    lease_seconds = serializers.IntegerField()
    quarantine_seconds = serializers.IntegerField()
    max_peers = serializers.IntegerField()
    key_rotation_seconds = serializers.IntegerField(help_text="After how long nodes make new keys; 0: never.")
    approve_nodes = serializers.BooleanField()
    magic_dns = serializers.BooleanField()
    nameservers = serializers.ListField(child=serializers.CharField())
    split_dns = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    search_domains = serializers.ListField(child=serializers.CharField())
    epoch = serializers.IntegerField()
    map_version = serializers.IntegerField()
    policy_version = serializers.IntegerField()
    created_at = serializers.DateTimeField()

    class Meta:
        ref_name = "Network"


class NetworkEdit(StrictSerializer):
    """What of a network is to change. Settings that the configuration file gives win at the next start."""

    domain = TextField(required=False, max_length=253)
    ipv4_range = TextField(required=False, max_length=18)
    ipv6_range = TextField(required=False, max_length=43, allow_null=True)
    excluded = TextListField(required=False, each=80, most=256)
    keepalive_seconds = _seconds()
    grace_seconds = _seconds()
    lease_seconds = _seconds()
    quarantine_seconds = _seconds()
    max_peers = WholeNumberField(required=False, min_value=1, max_value=100_000)
    key_rotation_seconds = _seconds()
    approve_nodes = FlagField(required=False)
    magic_dns = FlagField(required=False)
    nameservers = serializers.ListField(required=False, child=AddressField(), max_length=16)
    split_dns = serializers.DictField(
        required=False, child=serializers.ListField(child=AddressField(), min_length=1, max_length=16)
    )
    search_domains = TextListField(required=False, each=253, most=16)
