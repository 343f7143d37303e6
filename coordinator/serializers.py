"""The shapes of the agents' REST calls, checked strictly: unknown members are refused, types are not bent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from coordinator.errors import flatten
from coordinator.heartbeats import HeartbeatReport
from mesh.errors import ValidationError
from mesh.names import validate_hostname
from nodes.services.nodes import MAX_LATENCY_MS, ReportedFacts


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses members that it does not know."""

    refuses_unknown = True

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [key for key in data if key not in self.fields]
            if unknown:
                raise serializers.ValidationError({str(key)[:64]: ["There is no such member."] for key in unknown})
        return super().to_internal_value(data)


class TextField(serializers.CharField):
    """A text, and nothing that could be made one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("A text.")
        if any(character < " " or character == "\x7f" for character in data):
            raise serializers.ValidationError("No control characters.")
        return str(super().to_internal_value(data))


class SecretField(serializers.CharField):
    """A secret: whatever text it is, only whether it is the right one counts. Never trimmed, never judged by form."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, allow_blank=True, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("A text.")
        return data


class WholeNumberField(serializers.IntegerField):
    """A whole number, and nothing that could be made one."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            raise serializers.ValidationError("A whole number.")
        return int(super().to_internal_value(data))


@extend_schema_field({"oneOf": [{"type": "string", "maxLength": 256}, {"type": "number"}, {"type": "boolean"}]})
class AttributeField(serializers.Field[Any, Any, Any, Any]):
    """The value of a posture attribute: a text, a number or true/false."""

    def to_internal_value(self, data: Any) -> str | int | float | bool:
        if not isinstance(data, str | int | float | bool):
            raise serializers.ValidationError("A text, a number or true/false.")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field({"type": "number", "minimum": 0, "maximum": MAX_LATENCY_MS})
class LatencyField(serializers.Field[Any, Any, Any, Any]):
    """Milliseconds."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float) or not 0 <= data <= MAX_LATENCY_MS:
            raise serializers.ValidationError(f"Milliseconds from 0 to {MAX_LATENCY_MS}.")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class ChallengeRequest(StrictSerializer):
    public_key = TextField(max_length=44, trim_whitespace=False)


class ChallengeResponse(serializers.Serializer[Any]):
    challenge_id = serializers.CharField()
    server_key = serializers.CharField()
    nonce = serializers.CharField()
    expires_at = serializers.DateTimeField()


class RegisterRequest(StrictSerializer):
    public_key = TextField(max_length=44, trim_whitespace=False)
    auth_key = SecretField(required=False)
    network = TextField(
        max_length=64, required=False, help_text="Which network to join without an auth key; by default the only one."
    )
    hostname = TextField(max_length=253)
    os = TextField(max_length=64, required=False, allow_blank=True)
    os_version = TextField(max_length=128, required=False, allow_blank=True)
    agent_version = TextField(max_length=64, required=False, allow_blank=True)
    endpoints = serializers.ListField(child=TextField(max_length=64), max_length=32, required=False)
    listen_port = WholeNumberField(min_value=1, max_value=65535, required=False)
    routes = serializers.ListField(child=TextField(max_length=64), max_length=256, required=False)
    tags = serializers.ListField(child=TextField(max_length=80), max_length=64, required=False)
    posture = serializers.DictField(child=AttributeField(), required=False)
    relay_latency_ms = serializers.DictField(child=LatencyField(), required=False)

    def validate_hostname(self, value: str) -> str:
        try:
            return validate_hostname(value)
        except ValidationError as error:
            raise serializers.ValidationError(error.detail) from error


class EnrolmentPart(serializers.Serializer[Any]):
    code = serializers.CharField()
    verification_url = serializers.CharField()
    expires_at = serializers.DateTimeField()


class WaitingResponse(serializers.Serializer[Any]):
    enrolment = EnrolmentPart()


class CollectRequest(StrictSerializer):
    public_key = TextField(max_length=44, trim_whitespace=False)


class UndecidedResponse(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=("pending", "rejected"))


class SessionRequest(StrictSerializer):
    public_key = TextField(max_length=44, trim_whitespace=False)


class RotateRequest(StrictSerializer):
    public_key = TextField(max_length=44, trim_whitespace=False)


class RotateResponse(serializers.Serializer[Any]):
    public_key = serializers.CharField()
    key_expires_at = serializers.DateTimeField(allow_null=True)
    map_version = serializers.IntegerField()


class TokenPart(serializers.Serializer[Any]):
    token = serializers.CharField()
    expires_at = serializers.DateTimeField()


class SessionResponse(serializers.Serializer[Any]):
    session = TokenPart()


class NodePart(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    fqdn = serializers.CharField()
    addresses = serializers.ListField(child=serializers.CharField())
    tags = serializers.ListField(child=serializers.CharField())
    user = serializers.IntegerField(allow_null=True)
    key_expires_at = serializers.DateTimeField(allow_null=True)


class NetworkPart(serializers.Serializer[Any]):
    name = serializers.CharField()
    domain = serializers.CharField()
    heartbeat_seconds = serializers.IntegerField()
    lease_seconds = serializers.IntegerField()
    epoch = serializers.IntegerField()


class RegisterResponse(serializers.Serializer[Any]):
    node = NodePart()
    session = TokenPart()
    network = NetworkPart()
    map_version = serializers.IntegerField()


class HeartbeatRequest(StrictSerializer):
    endpoints = serializers.ListField(child=TextField(max_length=64), max_length=32, required=False)
    relay_latency_ms = serializers.DictField(child=LatencyField(), required=False)
    posture = serializers.DictField(child=AttributeField(), required=False)
    observed_endpoints = serializers.DictField(
        child=TextField(max_length=64), required=False, help_text="By node id: where WireGuard saw peers of this node."
    )
    traffic = serializers.DictField(
        required=False,
        help_text=(
            "What went through this node's tunnel: `rx_bytes` and `tx_bytes` (0 to 2^53 - 1) since the counters that "
            "`counter` (at most 64 printable ASCII characters) names began. `first_ping`: `peer_id` of the "
            "node that was the first to answer a ping over the mesh, and within how many `milliseconds` (0 to 60000); "
            "kept once, if that is another node of the network. Other members are passed over."
        ),
    )


class HeartbeatResponse(serializers.Serializer[Any]):
    epoch = serializers.IntegerField()
    map_version = serializers.IntegerField()
    next_heartbeat_seconds = serializers.IntegerField()
    session_expires_at = serializers.DateTimeField()
    key_expires_at = serializers.DateTimeField(allow_null=True)
    lease_seconds = serializers.IntegerField()
    server_time = serializers.DateTimeField()


class EndpointsBody(StrictSerializer):
    endpoints = serializers.ListField(child=TextField(max_length=64), max_length=32)


class RoutesBody(StrictSerializer):
    routes = serializers.ListField(child=TextField(max_length=64), max_length=256)


class ServerResponse(serializers.Serializer[Any]):
    name = serializers.CharField()
    version = serializers.CharField()
    protocol = serializers.IntegerField()
    server_time = serializers.DateTimeField()


class NetmapResponse(serializers.Serializer[Any]):
    """The whole map; see the agent protocol, "Network map"."""

    epoch = serializers.IntegerField()
    version = serializers.IntegerField()
    lease_seconds = serializers.IntegerField()
    node_key = serializers.CharField()
    domain = serializers.CharField()
    node = serializers.DictField()
    peers = serializers.ListField(child=serializers.DictField())
    sets = serializers.DictField()
    packet_filter = serializers.ListField(child=serializers.DictField())
    dns = serializers.DictField()
    derp_map = serializers.DictField()
    user_profiles = serializers.DictField()


class DeltaResponse(serializers.Serializer[Any]):
    """What changed between two versions of the map; see the agent protocol, "Delta"."""

    epoch = serializers.IntegerField()
    to = serializers.IntegerField()
    lease_seconds = serializers.IntegerField(required=False)
    node_key = serializers.CharField(required=False)
    domain = serializers.CharField(required=False)
    node = serializers.DictField(required=False)
    peers_added = serializers.ListField(child=serializers.DictField(), required=False)
    peers_changed = serializers.ListField(child=serializers.DictField(), required=False)
    peers_removed = serializers.ListField(child=serializers.IntegerField(), required=False)
    presence = serializers.DictField(required=False)
    sets = serializers.DictField(required=False)
    packet_filter = serializers.ListField(child=serializers.DictField(), required=False)
    dns = serializers.DictField(required=False)
    derp_map = serializers.DictField(required=False)
    user_profiles = serializers.DictField(required=False)

    def get_fields(self) -> dict[str, Any]:
        # "from" cannot be the name of a class attribute.
        return {**super().get_fields(), "from": serializers.IntegerField()}


COLLECTED = PolymorphicProxySerializer(
    component_name="Collected",
    serializers=[UndecidedResponse, RegisterResponse],
    resource_type_field_name=None,
)
MAP_OR_DELTA = PolymorphicProxySerializer(
    component_name="MapOrDelta", serializers=[NetmapResponse, DeltaResponse], resource_type_field_name=None
)


def reported_facts(data: Mapping[str, Any]) -> ReportedFacts:
    """What a checked registration says of the machine."""
    names = ("hostname", "os", "os_version", "agent_version", "listen_port", "posture", "relay_latency_ms")
    given = {name: data[name] for name in (*names, "endpoints", "routes") if name in data}
    return ReportedFacts(**given)


def parse_heartbeat(body: Any) -> HeartbeatReport:
    """Checks the members of a heartbeat, as REST and the socket share them. Raises ValidationError."""
    serializer = HeartbeatRequest(data=body)
    if not serializer.is_valid():
        raise ValidationError("The heartbeat is refused.", errors=tuple(flatten(serializer.errors)))
    data = serializer.validated_data
    names = ("endpoints", "relay_latency_ms", "posture", "observed_endpoints", "traffic")
    return HeartbeatReport(**{name: data[name] for name in names if name in data})
