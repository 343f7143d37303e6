"""``POST key/rotate``: both keys are proved, the node stays what it was, and peers get the new key."""

from __future__ import annotations

import secrets
from typing import Any

import orjson
import pytest

from coordinator.lifecycle import disable_node, release_key
from coordinator.rotation import request_rotation, request_rotations
from mesh.change import Cause
from mesh.errors import ConflictError
from mesh.keys import generate_private_key, public_key_of
from nodes.models import Change, Network, Node, RetiredKey
from nodes.services.network import update_network
from sessions_app.models import User
from tests.agents import Machine
from tests.fixtures import START, Clock, Join, KeyOf

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def web(join: Join, ana: User) -> Machine:
    return join(ana, "web")


@pytest.fixture
def peer(join: Join, ana: User) -> Machine:
    return join(ana, "peer")


def rotate(machine: Machine, new: bytes | None = None, **changes: Any) -> Any:
    """Rotates to a new key, which is the machine's from then on if it was taken; the response."""
    after = Machine(machine.hostname, new or generate_private_key(secrets.token_bytes(32)), machine.token)
    raw = orjson.dumps({"public_key": after.public_key})
    present = {
        "current_private": machine.private_key,
        "current_public": public_key_of(machine.private_key),
    } | changes
    response = machine.call(
        "post", "key/rotate", raw, headers={"GhostWire-Proof": after.proof("rotate", raw, **present)}
    )
    if response.status_code == 200:
        machine.private_key = after.private_key
    return response


def test_the_node_keeps_everything_but_its_key(web: Machine) -> None:
    before = web.node
    addresses = list(before.addresses.values_list("address", flat=True))
    response = rotate(web)
    assert response.status_code == 200, response.content
    assert response.json()["public_key"] == web.public_key
    node = web.node
    assert (node.pk, node.name, node.key_expires_at) == (before.pk, before.name, before.key_expires_at)
    assert list(node.addresses.values_list("address", flat=True)) == addresses
    assert web.heartbeat().status_code == 200, "the session goes on"
    assert web.new_session().status_code == 201, "the new key is the way back"


def test_peers_get_the_new_key_and_nothing_else(web: Machine, peer: Machine) -> None:
    before = peer.netmap()
    rotate(web)
    delta = peer.call("get", f"netmap?since={before['epoch']}.{before['version']}").json()
    assert delta["peers_changed"] == [{"id": web.node.pk, "key": web.public_key}]
    assert not {"peers_added", "peers_removed", "packet_filter", "sets"} & delta.keys()


def test_it_is_one_change_by_the_node(web: Machine) -> None:
    before = Change.objects.count()
    rotate(web)
    assert Change.objects.count() == before + 1
    assert Change.objects.latest("version").actor == f"node:{web.node.pk}"


def test_a_replaced_key_is_no_way_back_until_it_is_released(web: Machine, key_of: KeyOf, ana: User) -> None:
    old, key = Machine("old", web.private_key), key_of(ana, reusable=True)
    rotate(web)
    assert old.new_session().status_code == 401
    assert old.register(key).status_code == 403
    retired = RetiredKey.objects.get()
    assert (retired.reason, retired.node_id_was) == (RetiredKey.Reason.ROTATED, web.node.pk)
    release_key(retired_key_id=retired.pk, cause=Cause.command(), now=START)
    assert old.register(key).status_code == 201


def test_a_lost_answer_may_be_asked_for_again(web: Machine) -> None:
    old, new = web.private_key, generate_private_key(secrets.token_bytes(32))
    first = rotate(web, new)
    changes = Change.objects.count()
    web.private_key = old
    again = rotate(web, new)
    assert (again.status_code, again.json()) == (200, first.json())
    assert Change.objects.count() == changes


@pytest.mark.parametrize(
    "wrong",
    [
        {"current_private": bytes(31) + b"\1", "current_public": public_key_of(bytes(31) + b"\1")},
        {"purpose": "session", "current_private": None, "current_public": None},
        {"audience": "https://elsewhere.example"},
    ],
)
def test_a_proof_that_does_not_hold_is_refused(web: Machine, wrong: dict[str, Any]) -> None:
    key = web.public_key
    response = rotate(web, **wrong)
    assert (response.status_code, response.json()["code"]) == (401, "authentication")
    assert Node.objects.get().public_key == key


def test_a_proof_of_another_body_is_refused(web: Machine) -> None:
    after = Machine("web", token=web.token)
    present: dict[str, Any] = {"current_private": web.private_key, "current_public": public_key_of(web.private_key)}
    headers = {"GhostWire-Proof": after.proof("rotate", b"{}", **present)}
    assert web.call("post", "key/rotate", {"public_key": after.public_key}, headers=headers).status_code == 401


def test_a_proof_holds_once(web: Machine) -> None:
    after = Machine("web", token=web.token)
    raw = orjson.dumps({"public_key": after.public_key})
    present: dict[str, Any] = {"current_private": web.private_key, "current_public": public_key_of(web.private_key)}
    headers = {"GhostWire-Proof": after.proof("rotate", raw, **present)}
    assert web.call("post", "key/rotate", raw, headers=headers).status_code == 200
    assert web.call("post", "key/rotate", raw, headers=headers).status_code == 401


def test_a_session_is_needed(web: Machine) -> None:
    web.token = None
    assert rotate(web).status_code == 401


def test_anothers_key_is_a_conflict(web: Machine, peer: Machine) -> None:
    response = rotate(web, peer.private_key)
    assert (response.status_code, response.json()["code"]) == (409, "conflict")


def test_the_key_that_it_has_is_refused_where_none_was_replaced(web: Machine) -> None:
    assert rotate(web, web.private_key).status_code == 401


def test_a_key_that_is_none_is_refused_in_its_own_words(web: Machine) -> None:
    response = web.call("post", "key/rotate", {"public_key": "AAAA"})
    assert (response.status_code, response.json()["code"]) == (400, "validation")


def test_rotations_are_limited(web: Machine, clock: Clock) -> None:
    assert [rotate(web).status_code for _ in range(7)] == [200] * 6 + [429]
    clock.advance(seconds=60)
    assert rotate(web).status_code == 200


def rotates_at(machine: Machine) -> Any:
    """What the machine is told of its next key."""
    return machine.netmap()["node"]["rotate_key_at"]


def test_a_machine_is_told_when_its_key_has_served_its_time(web: Machine, peer: Machine, clock: Clock) -> None:
    assert rotates_at(web) == "2026-04-01T12:00:00Z"
    clock.advance(hours=1)
    rotate(web)
    assert (rotates_at(web), rotates_at(peer)) == ("2026-04-01T13:00:00Z", "2026-04-01T12:00:00Z")


def test_another_time_for_keys_is_one_change_that_machines_are_told_of(
    network: Network, web: Machine, peer: Machine
) -> None:
    before, changes = web.netmap(), Change.objects.count()
    update_network(network_id=network.pk, changes={"key_rotation_seconds": 3600}, cause=Cause.command(), now=START)
    assert Change.objects.count() == changes + 1
    delta = web.call("get", f"netmap?since={before['epoch']}.{before['version']}").json()
    assert delta["node"]["rotate_key_at"] == rotates_at(peer) == "2026-03-02T13:00:00Z"
    update_network(network_id=network.pk, changes={"key_rotation_seconds": 0}, cause=Cause.command(), now=START)
    assert rotates_at(web) is None


def test_a_machine_that_is_asked_for_a_new_key_alone_hears_of_it(web: Machine, peer: Machine, clock: Clock) -> None:
    was, of_peer = web.netmap(), peer.netmap()
    clock.advance(minutes=5)
    request_rotation(node_id=web.node.pk, cause=Cause.command(), now=clock.at)
    changes = Change.objects.count()
    request_rotation(node_id=web.node.pk, cause=Cause.command(), now=clock.at)
    assert Change.objects.count() == changes, "asked twice, told once"
    since = f"{was['epoch']}.{was['version']}"
    delta = web.call("get", f"netmap?since={since}").json()
    assert delta["node"]["rotate_key_at"] == "2026-03-02T12:05:00Z"
    assert {**peer.netmap(), "version": 0} == {**of_peer, "version": 0}
    rotate(web)
    assert rotates_at(web) == "2026-04-01T12:05:00Z"


def test_all_are_asked_one_after_the_other(
    network: Network, web: Machine, peer: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.rotation.REQUESTS_A_SECOND", 1)
    assert request_rotations(network_id=network.pk, cause=Cause.command(), now=START) == 2
    assert (rotates_at(web), rotates_at(peer)) == ("2026-03-02T12:00:00Z", "2026-03-02T12:00:01Z")
    assert request_rotations(network_id=network.pk, cause=Cause.command(), now=START) == 0


def test_a_machine_that_is_shut_out_cannot_be_asked(web: Machine) -> None:
    disable_node(node_id=web.node.pk, cause=Cause.command(), now=START)
    with pytest.raises(ConflictError, match="disabled"):
        request_rotation(node_id=web.node.pk, cause=Cause.command(), now=START)
