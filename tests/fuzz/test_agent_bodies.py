"""The agents' calls with bodies that agents do not send: each is answered, and none with a fault of the portal."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from tests.fuzz.json_values import ENDPOINTS, LATENCIES, POSTURE, PREFIXES, VALUES
from tests.fuzz.world import SEED, World, bounded, undone

MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "public_key": st.binary(min_size=0, max_size=40).map(lambda raw: raw.hex()),
    "auth_key": st.text(max_size=60),
    "hostname": st.text(max_size=300),
    "os": st.text(max_size=80),
    "os_version": st.text(max_size=140),
    "agent_version": st.text(max_size=70),
    "endpoints": st.lists(ENDPOINTS, max_size=5),
    "listen_port": st.integers(-1, 70_000),
    "routes": st.lists(PREFIXES, max_size=5),
    "tags": st.lists(st.text(max_size=20) | st.just("tag:web"), max_size=3),
    "posture": POSTURE,
    "relay_latency_ms": LATENCIES,
    "traffic": st.dictionaries(st.text(max_size=6), VALUES, max_size=3),
    "observed_endpoints": st.dictionaries(st.integers(0, 9).map(str), ENDPOINTS, max_size=3),
}
JSON_LIKE = st.text(alphabet='{}[]",:0123456789eE.-\\u truefalsn', max_size=60)
CALLS = {
    ("POST", "nodes/challenge"): ("public_key",),
    ("POST", "session"): ("public_key",),
    ("POST", "heartbeat"): ("endpoints", "relay_latency_ms", "posture", "traffic", "observed_endpoints"),
    ("PUT", "endpoints"): ("endpoints",),
    ("PUT", "routes"): ("routes",),
}


def bodies(names: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """Objects of a call's members, right in kind or not, or of other members, or no objects at all."""
    members = st.fixed_dictionaries({}, optional={name: MEMBERS[name] for name in names})
    spoilt = st.dictionaries(st.sampled_from(names) | st.text(max_size=10), VALUES, max_size=3)
    return st.one_of(members, members, st.builds(lambda a, b: {**a, **b}, members, spoilt), VALUES)


@pytest.mark.parametrize("call", CALLS, ids="{0[0]} {0[1]}".format)
def test_every_body_is_answered(world: World, call: tuple[str, str]) -> None:
    machine = world.sample.machine

    @seed(SEED)
    @bounded(120)
    @given(body=bodies(CALLS[call]))
    def send(body: Any) -> None:
        with undone():
            response = machine.call(*call, _encoded(body))
        assert response.status_code < 500, (body, response.content)
        assert response.status_code in (200, 201) or response["Content-Type"] == "application/problem+json"

    send()


def test_every_registration_is_answered(world: World) -> None:
    machine = world.sample.machine
    names = tuple(name for name in MEMBERS if name not in ("traffic", "observed_endpoints", "public_key", "auth_key"))

    @seed(SEED)
    @bounded(120)
    @given(body=bodies(names))
    def register(body: Any) -> None:
        if isinstance(body, dict):
            # With its own key and a proof that holds, so that the rest of the body is reached.
            body = {"hostname": "web", **body, "public_key": machine.public_key, "auth_key": "gwk_" + "A" * 43}
        raw = _encoded(body)
        with undone():
            headers = {"GhostWire-Proof": machine.proof("register", raw)}
            response = machine.call("POST", "nodes/register", raw, headers=headers)
        assert response.status_code in (400, 401), (body, response.content)

    register()


@pytest.mark.parametrize("path", ["heartbeat", "nodes/register", "nodes/challenge"])
def test_bytes_that_are_no_json_are_refused(world: World, path: str) -> None:
    @seed(SEED)
    @bounded(150)
    @given(
        raw=st.binary(max_size=200)
        | st.text(alphabet='{}[]",:0123456789eE.-\\u truefalsn', max_size=60).map(str.encode)
    )
    def send(raw: bytes) -> None:
        with undone():
            response = world.sample.machine.call("POST", path, raw)
        assert response.status_code in (200, 400, 401), (raw, response.content)

    send()


@seed(SEED)
@bounded(60)
@given(header=st.text(max_size=120))
def _prove(world: World, header: str) -> None:
    machine = world.sample.machine
    with undone():
        headers = {"GhostWire-Proof": header.encode("ascii", "replace").decode().replace("\n", " ").replace("\r", " ")}
        response = machine.call("POST", "session", {"public_key": machine.public_key}, headers=headers)
    assert response.status_code == 401


def test_no_made_up_proof_holds(world: World) -> None:
    _prove(world)


def _encoded(body: Any) -> bytes:
    try:
        return orjson.dumps(body)
    except (TypeError, orjson.JSONEncodeError):  # integers beyond 64 bits
        import json

        return json.dumps(body).encode()
