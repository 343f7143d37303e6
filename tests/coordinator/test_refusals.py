"""Every failure of auth key, proof or challenge is the same 401, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest

from mesh.change import Cause
from mesh.keys import generate_private_key
from nodes.models import Network, Node
from sessions_app.models import AuthKey, UsedChallenge, User
from sessions_app.services.auth_keys import create_auth_key, revoke_auth_key
from sessions_app.services.users import set_user_active
from tests.agents import Machine
from tests.fixtures import START, Clock, Join, KeyOf, random32

CAUSE = Cause.command()
pytestmark = pytest.mark.usefixtures("clock")


def post(machine: Machine, body: bytes, header: str | None, path: str = "nodes/register") -> Any:
    fields = {} if header is None else {"GhostWire-Proof": header}
    return machine.call("post", path, body, headers=fields)


def body_of(machine: Machine, auth_key: str | None, **members: Any) -> bytes:
    body = {"public_key": machine.public_key, "hostname": "web"} | members
    return orjson.dumps(body | ({} if auth_key is None else {"auth_key": auth_key}))


@pytest.fixture
def used_up(ana: User, key_of: KeyOf) -> str:
    """A one-off key that another machine used."""
    key = key_of(ana)
    assert Machine("first").register(key).status_code == 201
    return key


def expired(owner: User) -> str:
    return create_auth_key(
        network_id=Network.objects.get().pk,
        owner_id=owner.pk,
        now=START - timedelta(days=2),
        expires_at=START - timedelta(days=1),
        random32=random32(),
        cause=Cause.command(),
    ).secret


def test_all_failures_answer_with_the_same_bytes(
    ana: User, ben: User, key_of: KeyOf, used_up: str, clock: Clock
) -> None:
    good = key_of(ana)
    revoked = key_of(ana)
    revoke_auth_key(auth_key_id=AuthKey.objects.latest("pk").pk, cause=Cause.command(), now=START)
    of_disabled = key_of(ben)
    set_user_active(user_id=ben.pk, active=False, cause=CAUSE, now=START)
    machine, other = Machine(), Machine()

    def proved(auth_key: str, **changes: Any) -> Any:
        body = body_of(machine, auth_key)
        return post(machine, body, machine.proof("register", body, **changes))

    def replayed() -> Any:
        body = body_of(other, key_of(ana))
        header = other.proof("register", body)
        assert post(other, body, header).status_code == 201
        return post(other, body, header)

    def too_late() -> Any:
        body = body_of(machine, good)
        header = machine.proof("register", body)
        clock.advance(seconds=60)
        return post(machine, body, header)

    def altered() -> Any:
        body = body_of(machine, good)
        return post(machine, body + b" ", machine.proof("register", body))

    def twice() -> Any:
        body = body_of(machine, good)
        return post(machine, body, ", ".join([machine.proof("register", body)] * 2))

    attempts: dict[str, Callable[[], Any]] = {
        "neither auth key nor proof": lambda: post(machine, body_of(machine, None), None),
        "an empty one": lambda: proved(""),
        "an unknown one": lambda: proved("gwk_" + "Q" * 42 + "A"),
        "one that is none": lambda: proved("nonsense"),
        "a very long one": lambda: proved("gwk_" + "Q" * 5000),
        "one with blanks": lambda: proved(f" {good}"),
        "another kind of token": lambda: proved("gws_" + "Q" * 42 + "A"),
        "an expired one": lambda: proved(expired(ana)),
        "a revoked one": lambda: proved(revoked),
        "a used-up one": lambda: proved(used_up),
        "one of a disabled person": lambda: proved(of_disabled),
        "no proof": lambda: post(machine, body_of(machine, good), None),
        "a malformed proof": lambda: post(machine, body_of(machine, good), "x:y"),
        "another purpose": lambda: proved(good, purpose="session"),
        "another audience": lambda: proved(good, audience="https://evil.example"),
        "the Host header's audience": lambda: proved(good, audience="http://testserver"),
        "another private key": lambda: proved(good, private_key=generate_private_key(b"\5" * 32)),
        "another key's challenge": lambda: proved(good, challenge=other.challenge()),
        "an altered body": altered,
        "two proofs": twice,
        "a proof too late": too_late,
        "a replay": replayed,
    }
    answers = {name: attempt() for name, attempt in attempts.items()}
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(attempts, 401)
    assert len({answer.content for answer in answers.values()}) == 1
    assert len({tuple(sorted(answer.headers.items())) for answer in answers.values()}) == 1
    assert not Node.objects.filter(public_key=machine.public_key).exists()


def test_all_failures_of_a_session_answer_the_same(join: Join, ana: User, clock: Clock) -> None:
    node = join(ana, "web")
    node.token = None
    stranger = Machine()
    body = orjson.dumps({"public_key": node.public_key})

    def replayed() -> Any:
        header = node.proof("session", body)
        assert post(node, body, header, "session").status_code == 201
        return post(node, body, header, "session")

    def logged_out() -> Any:
        gone = join(ana, "gone")
        assert gone.call("delete", "session").status_code == 204
        gone.token = None
        return gone.new_session()

    attempts: dict[str, Callable[[], Any]] = {
        "a key that no node has": stranger.new_session,
        "no proof": lambda: post(node, body, None, "session"),
        "the proof of a registration": lambda: post(node, body, node.proof("register", body), "session"),
        "another private key": lambda: post(
            node, body, node.proof("session", body, private_key=stranger.private_key), "session"
        ),
        "a replay": replayed,
        "a node that must log in again": logged_out,
    }
    answers = {name: attempt() for name, attempt in attempts.items()}
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(attempts, 401)
    assert len({answer.content for answer in answers.values()}) == 1


def test_the_answer_names_no_part(network: Network) -> None:
    detail = Machine().register("gwk_" + "Q" * 42 + "A").json()["detail"]
    assert detail == "The auth key or the proof is not valid."


def test_a_failed_registration_stores_no_challenge(network: Network, used_up: str) -> None:
    before = UsedChallenge.objects.count()
    assert Machine().register(used_up).status_code == 401
    assert UsedChallenge.objects.count() == before


def test_a_challenge_that_failed_with_one_key_still_serves_the_right_one(
    network: Network, ana: User, key_of: KeyOf, used_up: str
) -> None:
    machine = Machine()
    challenge = machine.challenge()
    bad, good = body_of(machine, used_up), body_of(machine, key_of(ana))
    assert post(machine, bad, machine.proof("register", bad, challenge)).status_code == 401
    assert post(machine, good, machine.proof("register", good, challenge)).status_code == 201


def test_a_challenge_that_served_is_used_up_for_other_calls_too(join: Join, ana: User, key_of: KeyOf) -> None:
    machine = join(ana, "web")
    machine.token = None
    challenge = machine.challenge()
    body = orjson.dumps({"public_key": machine.public_key})
    assert post(machine, body, machine.proof("session", body, challenge), "session").status_code == 201
    again = body_of(machine, key_of(ana))
    assert post(machine, again, machine.proof("register", again, challenge)).status_code == 401


def test_nothing_is_stored_for_a_challenge_alone(network: Network) -> None:
    Machine().challenge()
    assert not UsedChallenge.objects.exists()


@pytest.mark.parametrize("key", ["", "AAAA", "A" * 43 + "=", "A" * 44, "é" * 44, "A" * 45])
def test_bad_public_keys_are_400(network: Network, key: str) -> None:
    assert Machine().call("post", "nodes/challenge", {"public_key": key}).status_code == 400
    body = orjson.dumps({"public_key": key, "hostname": "web", "auth_key": "x"})
    assert post(Machine(), body, "a:" + "A" * 43).status_code == 400
