"""Reads heartbeats: what is plainly right at once, anything else with the serializer, which also says what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from coordinator.heartbeats import HeartbeatReport
from coordinator.serializers import parse_heartbeat
from coordinator.strict_json import parse_strict
from mesh.errors import ValidationError
from nodes.services.nodes import MAX_LATENCY_MS

NOTHING: Final = HeartbeatReport()
_MAX_ENDPOINTS: Final = 32
_MAX_ENDPOINT_LENGTH: Final = 64


def read_body(body: bytes) -> HeartbeatReport:
    """The report in the body of a REST heartbeat; no body is an empty report. Raises ValidationError."""
    if not body or body == b"{}":
        return NOTHING
    members = parse_strict(body)
    if not isinstance(members, dict):
        raise ValidationError("The body is an object.")
    return read_members(members)


def read_members(members: Mapping[str, Any]) -> HeartbeatReport:
    """The report in the members of a heartbeat. Raises ValidationError."""
    if not members:
        return NOTHING
    for name, value in members.items():
        check = _PLAIN.get(name)
        if check is None or not check(value):
            return parse_heartbeat(members)
    return HeartbeatReport(
        members.get("endpoints"),
        members.get("relay_latency_ms"),
        members.get("posture"),
        members.get("observed_endpoints"),
        members.get("traffic"),
    )


def _plain_endpoints(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= _MAX_ENDPOINTS
        and all(
            isinstance(item, str) and 0 < len(item) <= _MAX_ENDPOINT_LENGTH and item.isascii() and item.isprintable()
            # The serializer cuts blanks off.
            and " " not in item
            for item in value
        )
    )  # fmt: skip


def _plain_posture(value: Any) -> bool:
    # The limits are left to the service, as the serializer leaves them.
    return isinstance(value, dict) and all(isinstance(item, str | int | float) for item in value.values())


def _plain_latencies(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(item, int | float) and not isinstance(item, bool) and 0 <= item <= MAX_LATENCY_MS
        for item in value.values()
    )


def _plain_observed(value: Any) -> bool:
    # Which keys and addresses will do is left to the service, as the serializer leaves it.
    return isinstance(value, dict) and _plain_endpoints(list(value.values()))


def _plain_traffic(value: Any) -> bool:
    return isinstance(value, dict)


_PLAIN: Final = {
    "endpoints": _plain_endpoints,
    "observed_endpoints": _plain_observed,
    "posture": _plain_posture,
    "relay_latency_ms": _plain_latencies,
    "traffic": _plain_traffic,
}
