"""Sessions over REST: renewal, lost answers, logging out, and who decides first: the node's state or its session."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.db import IntegrityError

from coordinator.lifecycle import delete_node, disable_node, enable_node, expire_node
from mesh.change import Cause
from nodes.models import Change, Network, Node
from sessions_app.models import NodeSession, User
from sessions_app.services.sessions import expire_sessions, log_out, revoke_session
from sessions_app.services.users import set_user_active
from tests.agents import Machine
from tests.factories import NodeFactory, NodeSessionFactory
from tests.fixtures import START, Clock, Join

pytestmark = pytest.mark.usefixtures("clock")
ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}
TIMEOUT = settings.GHOSTWIRE.auth.session_timeout


@pytest.fixture
def web(join: Join, ana: User) -> Machine:
    return join(ana, "web")


def with_token(machine: Machine, token: str | None) -> int:
    status: int = machine.call("get", "netmap", headers={"Authorization": f"Bearer {token}"}).status_code
    return status


def renewed(machine: Machine) -> str:
    response = machine.new_session()
    assert response.status_code == 201, response.content
    token: str = response.json()["session"]["token"]
    return token


def test_the_answer(web: Machine) -> None:
    body = web.new_session().json()
    assert set(body) == {"session"}
    assert body["session"]["token"].startswith("gws_")
    assert body["session"]["expires_at"] == "2026-03-03T12:00:00Z"


def test_a_renewal_is_the_same_session(web: Machine) -> None:
    renewed(web)
    assert NodeSession.objects.count() == 1


def test_a_renewal_is_recorded_and_changes_no_map(web: Machine) -> None:
    before = Network.objects.get().map_version
    etag = web.call("get", "netmap")["ETag"]
    renewed(web)
    (change,) = Change.objects.filter(version__gt=before)
    assert (change.kind, change.facts["renewed"]) == ("sessions", True)
    assert change.facts["started"] == {str(web.node.pk): NodeSession.objects.get().pk}
    assert web.call("get", "netmap")["ETag"] == etag


def test_both_tokens_live_until_the_new_one_is_used(web: Machine) -> None:
    new = renewed(web)
    assert with_token(web, web.token) == 200
    assert with_token(web, new) == 200
    assert with_token(web, web.token) == 401


def test_a_lost_answer_locks_nobody_out(web: Machine) -> None:
    lost = renewed(web)
    assert with_token(web, web.token) == 200
    again = renewed(web)
    assert with_token(web, lost) == 401
    assert with_token(web, web.token) == 200
    assert with_token(web, again) == 200


def test_a_renewal_lengthens_the_session(web: Machine, clock: Clock) -> None:
    clock.advance(hours=20)
    new = renewed(web)
    clock.advance(hours=10)
    assert with_token(web, new) == 200


def test_a_session_ends_by_the_clock_without_any_task(web: Machine, clock: Clock) -> None:
    clock.advance(seconds=TIMEOUT.total_seconds() - 1)
    assert with_token(web, web.token) == 200
    clock.advance(seconds=1)
    assert with_token(web, web.token) == 401


@pytest.mark.parametrize("swept", [False, True])
def test_the_way_back_after_an_absence(web: Machine, clock: Clock, swept: bool) -> None:
    now = clock.advance(days=3)
    if swept:
        assert expire_sessions(network_id=web.node.network_id, now=now) == 1
    new = renewed(web)
    assert with_token(web, new) == 200
    assert with_token(web, web.token) == 401
    assert list(NodeSession.objects.order_by("pk").values_list("end_reason", flat=True)) == ["expired", ""]


def test_a_new_session_is_recorded_so_that_workers_know_it(web: Machine, clock: Clock) -> None:
    clock.advance(days=3)
    before = Network.objects.get().map_version
    renewed(web)
    (change,) = Change.objects.filter(version__gt=before)
    session = NodeSession.objects.get(ended_at=None)
    assert change.kind == "sessions"
    assert change.facts["started"] == {str(web.node.pk): session.pk}


def test_logging_out(web: Machine) -> None:
    assert web.call("delete", "session").status_code == 204
    assert with_token(web, web.token) == 401
    assert web.node.login_required
    assert NodeSession.objects.get().end_reason == "logged_out"
    web.token = None
    assert web.new_session().status_code == 401


def test_a_logout_that_comes_late_ends_no_later_session(web: Machine) -> None:
    old = NodeSession.objects.get().pk
    NodeSession.objects.filter(pk=old).update(ended_at=START, end_reason="replaced")
    current = NodeSessionFactory(node=web.node)
    log_out(session_id=old, **ACT)
    current.refresh_from_db()
    assert current.ended_at is None and not web.node.login_required


def test_revoking(web: Machine) -> None:
    revoke_session(session_id=NodeSession.objects.get().pk, **ACT)
    assert with_token(web, web.token) == 401
    web.token = None
    assert web.new_session().status_code == 401


def test_one_active_session_a_node(db: None) -> None:
    session = NodeSessionFactory()
    with pytest.raises(IntegrityError):
        NodeSessionFactory(node=session.node)


def test_any_number_of_ended_ones(db: None) -> None:
    node = NodeFactory()
    for _ in range(3):
        NodeSessionFactory(node=node, ended_at=START, end_reason="expired")
    NodeSessionFactory(node=node)


# --- state decides before session

CUT_OFF: dict[str, Any] = {
    "disabled": lambda node: disable_node(node_id=node.pk, **ACT),
    "expired": lambda node: expire_node(node_id=node.pk, **ACT),
    "expired by the clock": lambda node: Node.objects.update(key_expires_at=START),
    "pending": lambda node: Node.objects.update(state="pending"),
    "owner disabled": lambda node: set_user_active(user_id=node.owner_id, active=False, **ACT),
}


@pytest.mark.parametrize("cut", CUT_OFF.values(), ids=CUT_OFF.keys())
@pytest.mark.parametrize("session", ["live", "expired", "replaced"])
def test_403_whatever_the_session(web: Machine, cut: Any, session: str) -> None:
    cut(web.node)
    if session == "expired":
        NodeSession.objects.update(expires_at=START - timedelta(hours=1))
    if session == "replaced":
        NodeSession.objects.update(ended_at=START, end_reason="replaced")
    for method, path in (("get", "netmap"), ("post", "heartbeat"), ("put", "endpoints"), ("put", "routes")):
        response = web.call(method, path, {"endpoints": []} if path == "endpoints" else {})
        assert (response.status_code, response.json()["code"]) == (403, "permission")
    for path in ("session", "nodes/self"):
        assert web.call("delete", path).status_code == 403


@pytest.mark.parametrize("cut", CUT_OFF.values(), ids=CUT_OFF.keys())
def test_403_for_a_new_session(web: Machine, cut: Any) -> None:
    cut(web.node)
    assert web.new_session().status_code == 403
    assert NodeSession.objects.get().pending_digest is None


def test_a_deleted_nodes_token_is_unknown(web: Machine) -> None:
    delete_node(node_id=web.node.pk, **ACT)
    assert with_token(web, web.token) == 401
    web.token = None
    assert web.new_session().status_code == 401


def test_an_enabled_node_comes_back_by_its_key_alone(web: Machine) -> None:
    disable_node(node_id=web.node.pk, **ACT)
    enable_node(node_id=web.node.pk, **ACT)
    assert with_token(web, web.token) == 401
    assert with_token(web, renewed(web)) == 200


def test_a_disabled_persons_sessions_are_over_for_good(web: Machine, ana: User) -> None:
    set_user_active(user_id=ana.pk, active=False, **ACT)
    set_user_active(user_id=ana.pk, active=True, **ACT)
    assert with_token(web, web.token) == 401
    assert with_token(web, renewed(web)) == 200


def test_a_failed_renewal_leaves_the_old_token(web: Machine) -> None:
    body = orjson.dumps({"public_key": web.public_key})
    header = web.proof("session", body, private_key=Machine().private_key)
    assert web.call("post", "session", body, headers={"GhostWire-Proof": header}).status_code == 401
    assert with_token(web, web.token) == 200
    assert NodeSession.objects.get().pending_digest is None
