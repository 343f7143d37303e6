"""Policies that cannot be compiled for the network: they never replace one that can."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from acl.models import AclRule
from acl.services.rules import create_rule
from coordinator.policy.documents import import_policy
from mesh.change import Cause
from mesh.compile import build, crowding, evolve
from mesh.errors import ValidationError
from nodes.models import Network
from sessions_app.models import User
from tests.agents import Machine
from tests.fixtures import START, Join

pytestmark = pytest.mark.usefixtures("clock")
ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}
APART = {"action": "accept", "sources": ["tag:a"], "destinations": ["tag:b"]}


@pytest.fixture
def machines(join: Join, ana: User, ben: User, monkeypatch: pytest.MonkeyPatch) -> list[Machine]:
    """Machines of which a policy may tell two kinds apart, and no more."""
    found = [join(ana, "one"), join(ana, "two"), join(None, "a", tags=["tag:a"]), join(None, "b", tags=["tag:b"])]
    for module in (build, evolve):
        monkeypatch.setattr(module, "MAX_CLASSES", 2)
    limited = partial(crowding.classify_within_limit, limit=2)
    monkeypatch.setattr(build, "classify_within_limit", limited)
    return found


def test_an_edit_is_refused_and_what_is_in_force_stays(network: Network, machines: list[Machine]) -> None:
    before = Network.objects.get(pk=network.pk)
    maps = [machine.netmap() for machine in machines]
    with pytest.raises(ValidationError, match="at most 2 policy classes"):
        create_rule(network_id=network.pk, fields=APART, **ACT)
    after = Network.objects.get(pk=network.pk)
    assert (after.policy_version, after.map_version) == (before.policy_version, before.map_version)
    assert AclRule.objects.count() == 1
    assert [machine.netmap() for machine in machines] == maps


def test_force_is_no_help(network: Network, machines: list[Machine]) -> None:
    text = '{"acls": [{"action": "accept", "src": ["tag:a"], "dst": ["tag:b:*"]}]}'
    with pytest.raises(ValidationError, match="at most 2 policy classes"):
        import_policy(network_id=network.pk, text=text, forced=True, **ACT)
    assert machines[0].peer_names() == ["two"]
