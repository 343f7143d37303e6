"""No periodic task ever runs: what has ended is refused all the same, by the clock."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.challenges import Proof, record_proof
from coordinator.lifecycle import delete_node
from mesh.change import Cause
from mesh.errors import AuthenticationError
from nodes.models import NameReservation, Network, Node
from nodes.services.network import update_network
from sessions_app.models import NodeSession, User
from sessions_app.services.api_tokens import create_api_token
from tests.admin_api.api import Api
from tests.agents import Machine
from tests.fixtures import START, Clock, Join, KeyOf, random32

pytestmark = pytest.mark.usefixtures("network")
ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}


def status(machine: Machine) -> int:
    code: int = machine.call("GET", "netmap").status_code
    return code


def test_a_session(join: Join, ana: User, clock: Clock) -> None:
    web = join(ana, "web")
    clock.advance(hours=24)
    assert status(web) == 401
    assert web.call("POST", "heartbeat", {}).status_code == 401
    assert NodeSession.objects.filter(ended_at=None).exists(), "a task ran"


def test_a_node_key(join: Join, ana: User, clock: Clock) -> None:
    web = join(ana, "web")
    clock.advance(days=180)
    assert status(web) == 403
    assert web.new_session().status_code == 403
    assert Node.objects.get().state == "active", "a task ran"


def test_an_auth_key(key_of: KeyOf, ana: User, clock: Clock) -> None:
    secret = key_of(ana, reusable=True, expires_at=clock.at.replace(hour=13))
    assert Machine("first").register(secret).status_code == 201
    clock.advance(hours=1)
    assert Machine("late").register(secret).status_code == 401


def test_an_api_token(ana: User, clock: Clock) -> None:
    created = create_api_token(
        user_id=ana.pk, name="t", now=START, random32=random32(), expires_at=clock.at.replace(hour=13)
    )
    api = Api(created.secret, ana, created.api_token)
    assert api("GET", "api-tokens").status_code == 200
    clock.advance(hours=1)
    assert api("GET", "api-tokens").status_code == 401


def test_a_used_challenge_stays_used(db: None, clock: Clock) -> None:
    proof = Proof("key", b"n" * 16, START)
    record_proof(proof)
    clock.advance(days=1)
    with pytest.raises(AuthenticationError):
        record_proof(proof)


def test_a_node_that_was_never_swept_speaks_for_nobody_else(join: Join, ana: User, clock: Clock) -> None:
    web = join(ana, "web")
    delete_node(node_id=web.node.pk, **ACT)
    clock.advance(days=30)
    assert status(web) == 401


def test_quarantine_ends_by_the_clock(network: Network, join: Join, ana: User, clock: Clock) -> None:
    update_network(network_id=network.pk, changes={"quarantine_seconds": 86_400}, **ACT)
    delete_node(node_id=join(ana, "web").node.pk, **ACT)
    assert join(ana, "web").node.name == "web-1"
    clock.advance(days=1)
    assert join(ana, "web").node.name == "web"
    assert NameReservation.objects.exists(), "a task ran"
