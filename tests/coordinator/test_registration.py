from __future__ import annotations

from collections.abc import Callable

from nodes.models import Network
from sessions_app.models import User
from tests.agents import Machine

KeyOf = Callable[..., str]


def test_newcomer_gets_node_session_and_map(network: Network, ana: User, key_of: KeyOf) -> None:
    machine = Machine("Web.example.com")
    response = machine.register(key_of(ana))
    assert response.status_code == 201, response.content
    body = response.json()
    assert body["node"]["name"] == "web"
    assert body["node"]["user"] == ana.pk
    netmap = machine.netmap()
    assert netmap["node"]["addresses"] == body["node"]["addresses"]
    assert netmap["version"] == Network.objects.get().map_version


def test_own_devices_see_each_other(network: Network, ana: User, key_of: KeyOf) -> None:
    key = key_of(ana, reusable=True)
    first, second = Machine("one"), Machine("two")
    first.register(key)
    second.register(key)
    assert [peer["name"] for peer in first.netmap()["peers"]] == ["two"]
    assert [peer["name"] for peer in second.netmap()["peers"]] == ["one"]
