"""In memory too, what peers saw of a node is apart from what it names itself."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.services.endpoints import advertised_endpoints
from sessions_app.models import User
from tests.agents import Machine
from tests.coordinator.hot_path.conftest import Current
from tests.fixtures import Clock, Join

pytestmark = pytest.mark.usefixtures("clock")
OWN, SEEN = ["203.0.113.9:1", "[2001:db8::1]:2"], "198.51.100.7:40000"


@pytest.fixture
def peer(join: Join, ana: User) -> Machine:
    return join(ana, "peer")


def test_the_nodes_own_list_is_compared_with_its_own(
    web: Machine, peer: Machine, clock: Clock, current: Current, django_assert_num_queries: Any
) -> None:
    assert peer.heartbeat(observed_endpoints={str(web.node.pk): SEEN}).status_code == 200
    current()
    assert web.heartbeat().status_code == 200
    clock.advance(seconds=1)
    with django_assert_num_queries(0):
        assert web.heartbeat(endpoints=OWN).status_code == 200
    clock.advance(seconds=1)
    assert web.heartbeat(endpoints=[*OWN, SEEN]).status_code == 200
    assert advertised_endpoints(web.node) == [*OWN, SEEN]
