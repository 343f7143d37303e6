"""The quick way of reading a heartbeat and the serializer take and refuse the same."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coordinator.heartbeats import HeartbeatReport
from coordinator.hot_path.reading import NOTHING, read_body, read_members
from coordinator.serializers import parse_heartbeat
from mesh.errors import ValidationError
from tests.fuzz.json_values import ENDPOINTS, LATENCIES, POSTURE, VALUES

MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "endpoints": st.lists(ENDPOINTS, max_size=4) | VALUES,
        "posture": POSTURE | VALUES,
        "relay_latency_ms": LATENCIES | VALUES,
        "traffic": st.dictionaries(st.text(max_size=5), VALUES, max_size=2) | VALUES,
        "observed_endpoints": VALUES,
    },
)


def outcome(read: Any, members: dict[str, Any]) -> object:
    try:
        return read(members)
    except ValidationError as error:
        return error.detail, error.errors


@settings(max_examples=300, deadline=None)
@given(members=MEMBERS)
@example(members={"endpoints": [" 203.0.113.9:1 "]})
@example(members={"endpoints": ["203.0.113.9:1\x7f"]})
@example(members={"endpoints": ["x" * 65]})
@example(members={"endpoints": ["203.0.113.9:1"] * 33})
@example(members={"endpoints": ["\u200b"]})
@example(members={"endpoints": None})
@example(members={"relay_latency_ms": {"3": True}})
@example(members={"relay_latency_ms": {"3": 60_001}})
@example(members={"posture": {"a": None}})
def test_both_read_the_same(members: dict[str, Any]) -> None:
    assert outcome(read_members, members) == outcome(parse_heartbeat, members)


@pytest.mark.parametrize("body", [b"", b"{}", b" {} "])
def test_nothing_is_an_empty_report(body: bytes) -> None:
    assert read_body(body) == NOTHING == HeartbeatReport()


@pytest.mark.parametrize(
    "body", [b"[]", b"7", b"null", b'{"a":1,"a":2}', b'{"posture":{"a":"\\u0000"}}', b"\xff", b"{"]
)
def test_what_is_no_object_or_no_strict_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValidationError):
        read_body(body)


def test_bodies_are_read_as_their_members(db: None) -> None:
    members = {"endpoints": ["203.0.113.9:1"], "posture": {"a": 1}, "relay_latency_ms": {"3": 1.5}}
    assert read_body(orjson.dumps(members)) == parse_heartbeat(members)
