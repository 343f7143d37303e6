from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coordinator.admin_api.fields import AddressField, StrictSerializer, TextField, WholeNumberField
from nodes.models import RelayServer


class RelayHealthOut(serializers.Serializer[Any]):
    """How a relay server did when the portal last asked it.

    `alive`: agents are told of it. It takes three failed checks in a row to leave the maps and three good ones to come
    back; where no server at all answers, the portal blames itself. `fault` is empty while it serves. `unknown_issuer`:
    the portal does not know who issued its certificate, which agents may.
    """

    alive = serializers.BooleanField()
    checked_at = serializers.DateTimeField(allow_null=True)
    answered_at = serializers.DateTimeField(allow_null=True)
    answer_ms = serializers.FloatField(allow_null=True)
    failing_since = serializers.DateTimeField(allow_null=True)
    fault = serializers.ChoiceField(RelayServer.Fault.choices, allow_blank=True)
    unknown_issuer = serializers.BooleanField()

    class Meta:
        ref_name = "RelayHealth"


class RelayServerOut(serializers.Serializer[Any]):
    """A relay server of a region. ``stun_port`` 0: it answers no STUN."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    host = serializers.CharField()
    ipv4 = serializers.IPAddressField(protocol="ipv4", allow_null=True)
    ipv6 = serializers.IPAddressField(protocol="ipv6", allow_null=True)
    port = serializers.IntegerField()
    stun_port = serializers.IntegerField()
    health = RelayHealthOut(source="*")

    class Meta:
        ref_name = "RelayServer"


class RelayOut(serializers.Serializer[Any]):
    """A relay region with its servers. Agents know it by its ``number``."""

    id = serializers.IntegerField()
    number = serializers.IntegerField()
    code = serializers.CharField()
    name = serializers.CharField()
    servers = RelayServerOut(many=True)

    class Meta:
        ref_name = "Relay"


class RelayNew(StrictSerializer):
    """A relay region to make; its servers follow."""

    number = WholeNumberField(min_value=1, max_value=2**31 - 1)
    code = TextField(max_length=16)
    name = TextField(max_length=64)


class RelayEdit(StrictSerializer):
    """What of a relay region is to change."""

    number = WholeNumberField(required=False, min_value=1, max_value=2**31 - 1)
    code = TextField(required=False, max_length=16)
    name = TextField(required=False, max_length=64)


class RelayServerEdit(StrictSerializer):
    """What of a relay server is to change."""

    name = TextField(required=False, max_length=63)
    host = TextField(required=False, max_length=253)
    ipv4 = AddressField(required=False, allow_null=True, protocol="ipv4")
    ipv6 = AddressField(required=False, allow_null=True, protocol="ipv6")
    port = WholeNumberField(required=False, min_value=1, max_value=65_535)
    stun_port = WholeNumberField(required=False, min_value=0, max_value=65_535)


class RelayServerNew(RelayServerEdit):
    """A relay server to add to a region."""

    name = TextField(max_length=63)
    host = TextField(max_length=253)
