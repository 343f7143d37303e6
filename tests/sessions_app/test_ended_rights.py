"""The end of a right is in the change log, of the networks that it concerns, and moves no map."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from coordinator.lifecycle import delete_node, release_key
from coordinator.replica import REPLICAS, current_state
from mesh.change import Cause
from nodes.models import Change, Network, RetiredKey
from sessions_app.models import AuditEntry, AuthKey, User
from sessions_app.services.api_tokens import revoke_api_token
from sessions_app.services.auth_keys import revoke_auth_key
from sessions_app.services.ended_rights import networks_concerned_by
from sessions_app.services.users import set_password, update_user
from tests.factories import ApiTokenFactory, AuthKeyFactory, NetworkFactory, NodeFactory, UserFactory
from tests.fixtures import START, Join

pytestmark = pytest.mark.django_db
CAUSE = Cause.user(7, origin="192.0.2.9", request_id="request-1")
ACT: dict[str, Any] = {"cause": CAUSE, "now": START}


def last(network: Network) -> Change:
    """The latest change of a network, whose version the network has."""
    change = Change.objects.filter(network=network).latest("version")
    network.refresh_from_db()
    assert change.version == network.map_version
    return change


def test_of_an_auth_key(network: Network, ana: User) -> None:
    key = AuthKeyFactory(network=network, owner=ana, name="laptops")
    revoke_auth_key(auth_key_id=key.pk, **ACT)
    change = last(network)
    assert (change.kind, change.actor, change.origin, change.request_id) == (
        "credentials",
        "user:7",
        "192.0.2.9",
        "request-1",
    )
    assert change.facts == {
        "auth_keys": [{"id": key.pk, "name": "laptops", "user": ana.pk, "tags": [], "revoked_at": START.isoformat()}]
    }


def test_of_an_api_token(network: Network) -> None:
    token = ApiTokenFactory(user=UserFactory(role="auditor"), name="report")
    revoke_api_token(api_token_id=token.pk, **ACT)
    assert last(network).facts["api_tokens"][0] == {
        "id": token.pk,
        "name": "report",
        "user": token.user_id,
        "revoked_at": START.isoformat(),
    }


def test_of_a_password_without_the_password(network: Network, ana: User) -> None:
    set_password(user_id=ana.pk, password="a long enough one", **ACT)
    change = last(network)
    assert (change.kind, change.facts) == ("credentials", {"passwords": [{"id": ana.pk, "login": "ana@example.com"}]})
    assert not AuditEntry.objects.filter(kind="password_set").exists()  # once is enough


def test_of_a_retirement(network: Network, join: Join, ana: User) -> None:
    node = join(ana, "web").node
    delete_node(node_id=node.pk, **ACT)
    release_key(retired_key_id=RetiredKey.objects.get().pk, **ACT)
    assert last(network).facts == {"released_keys": [{"public_key": node.public_key, "node": node.pk, "name": "web"}]}


def test_of_a_role(network: Network, ana: User) -> None:
    update_user(user_id=ana.pk, role="support", **ACT)
    change = last(network)
    assert (change.kind, change.facts["users"][0]["role"]) == ("users", "support")


@pytest.mark.parametrize("end", ["auth key", "API token"])
def test_what_has_ended_ends_once(network: Network, end: str) -> None:
    key, token = AuthKeyFactory(network=network), ApiTokenFactory()
    act: Callable[[], object] = {
        "auth key": lambda: revoke_auth_key(auth_key_id=key.pk, **ACT),
        "API token": lambda: revoke_api_token(api_token_id=token.pk, **ACT),
    }[end]
    act()
    before = last(network).version
    act()
    assert last(network).version == before


def test_a_replica_passes_over_it(network: Network, join: Join, ana: User) -> None:
    join(ana, "web")
    before = current_state(network.pk)
    revoke_auth_key(auth_key_id=AuthKey.objects.get().pk, **ACT)
    after = current_state(network.pk)
    assert after.version == before.version + 1
    known = REPLICAS.of(network.pk).since(before.version)
    assert known is not None, "it was loaded whole"
    assert (known[1].nodes, known[1].users, known[1].network, known[1].policy) == (set(), set(), False, False)


# --- which networks


@pytest.mark.parametrize("role", ["owner", "admin", "network_admin", "support", "auditor"])
def test_a_role_holds_everywhere(role: str) -> None:
    networks = [NetworkFactory() for _ in range(3)]
    assert networks_concerned_by(UserFactory(role=role)) == [network.pk for network in networks]


def test_a_member_concerns_the_networks_of_its_nodes_and_keys() -> None:
    member = UserFactory()
    with_node, with_key, made_key, _ = (NetworkFactory() for _ in range(4))
    NodeFactory(network=with_node, owner=member)
    AuthKeyFactory(network=with_key, owner=member)
    AuthKeyFactory(network=made_key, owner=UserFactory(), created_by=member)
    assert networks_concerned_by(member) == [with_node.pk, with_key.pk, made_key.pk]


def test_the_log_never_loses_it() -> None:
    networks = [NetworkFactory() for _ in range(2)]
    member = UserFactory()
    set_password(user_id=member.pk, password="a long enough one", cause=CAUSE, now=START + timedelta(days=1))
    assert [last(network).kind for network in networks] == ["credentials", "credentials"]
