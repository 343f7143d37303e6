"""Messages of the agent socket: whatever comes in is a message, or refused in one of two ways."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from coordinator.agent_messages import ProtocolError, parse_message
from coordinator.hot_path.reading import read_members
from mesh.errors import ValidationError
from tests.fuzz.json_values import ENDPOINTS, LATENCIES, POSTURE, VALUES
from tests.fuzz.world import SEED, bounded

KINDS = st.sampled_from(["hello", "ack", "heartbeat", "endpoints", "netmap", ""]) | st.text(max_size=10) | VALUES
MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "since": st.sampled_from(["1.7", "0.0", "1", "1.", "-1.2", "1.2.3", "٣.٤", "9" * 16 + ".1"]) | VALUES,
        "epoch": st.integers() | VALUES,
        "version": st.integers() | VALUES,
        "endpoints": st.lists(ENDPOINTS, max_size=3) | VALUES,
        "posture": POSTURE | VALUES,
        "relay_latency_ms": LATENCIES | VALUES,
    },
)
MESSAGES = st.builds(lambda kind, members, more: {**more, **members, "type": kind}, KINDS, MEMBERS,
                     st.dictionaries(st.text(max_size=8), VALUES, max_size=2))  # fmt: skip


def read(text: str | None, binary: bytes | None) -> None:
    with suppress(ProtocolError, ValidationError):
        message = parse_message(text, binary)
        body: Any = getattr(message, "body", None)
        if body is not None:
            read_members(body)


@seed(SEED)
@bounded(600)
@given(message=MESSAGES | VALUES)
def test_any_json(message: Any) -> None:
    read(json.dumps(message), None)


@seed(SEED)
@bounded(400)
@given(text=st.text(max_size=200) | st.text(alphabet='{}[]",:0123456789eE.-\\ud800truefalsn', max_size=80))
def test_any_text(text: str) -> None:
    read(text, None)


@seed(SEED)
@bounded(50)
@given(text=st.none() | st.text(max_size=10), binary=st.binary(max_size=50))
def test_any_binary(text: str | None, binary: bytes) -> None:
    read(text, binary)


@seed(SEED)
@bounded(100)
@given(level=st.integers(0, 5000), opener=st.sampled_from(["[", '{"a":']))
def test_any_depth(level: int, opener: str) -> None:
    read('{"type":"heartbeat","posture":' + opener * level + "}", None)


def test_lone_surrogates_and_sizes() -> None:
    for text in ("\ud800", '{"type":"\ud800"}', '{"type":"hello","since":"\\ud800"}', "a" * 70_000, '"' + "é" * 40_000):
        read(text, None)


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "1", "{}", '{"type":1}', '{"type":"hello","type":"hello"}'])
def test_what_is_no_message_closes_the_socket(text: str) -> None:
    with pytest.raises(ProtocolError):
        parse_message(text, None)
