"""Policies that cannot be compiled for the network: they never replace one that can. One in force goes on being served,
however the network grows."""

from __future__ import annotations

from typing import Any

import pytest

from acl.models import AclRule
from acl.services.rules import create_rule
from coordinator.policy.documents import import_policy
from coordinator.policy.lint import lint_policy
from coordinator.replica import REPLICAS
from mesh.change import Cause
from mesh.errors import ValidationError
from nodes.models import Network
from sessions_app.models import User
from tests.agents import Machine
from tests.fixtures import START, Join
from tests.mesh.compile.limits import limit_classes

pytestmark = pytest.mark.usefixtures("clock")
ACT: dict[str, Any] = {"cause": Cause.command(), "now": START}
APART = {"action": "accept", "sources": ["tag:a"], "destinations": ["tag:b"]}


@pytest.fixture
def machines(join: Join, ana: User, ben: User, monkeypatch: pytest.MonkeyPatch) -> list[Machine]:
    """Machines of which a policy may tell two kinds apart, and no more."""
    found = [join(ana, "one"), join(ana, "two"), join(None, "a", tags=["tag:a"]), join(None, "b", tags=["tag:b"])]
    limit_classes(monkeypatch, 2)
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


@pytest.mark.parametrize("anew", [False, True], ids=["followed", "loaded"])
def test_machines_that_join_past_the_limit_are_served(
    network: Network, join: Join, ana: User, ben: User, monkeypatch: pytest.MonkeyPatch, *, anew: bool
) -> None:
    one, a, b = join(ana, "one"), join(None, "a", tags=["tag:a"]), join(None, "b", tags=["tag:b"])
    create_rule(network_id=network.pk, fields=APART, **ACT)
    limit_classes(monkeypatch, 3)
    assert one.peer_names() == []
    both = join(None, "both", tags=["tag:a", "tag:b"])
    if anew:
        REPLICAS.clear()
    assert [machine.peer_names() for machine in (one, a, b, both)] == [[], ["b", "both"], ["a", "both"], ["a", "b"]]
    said = [item.message for item in lint_policy(network_id=network.pk, now=START) if item.finding == "crowded"]
    assert len(said) == 1
    assert "4 kinds of nodes apart, 1 more than it should" in said[0]
    join(ben, "two")
    before = Network.objects.get(pk=network.pk).policy_version
    more = {"action": "accept", "sources": [f"user:{ana.username}"], "destinations": ["tag:a"]}
    with pytest.raises(ValidationError, match="tells 5 kinds of nodes apart; at most 3 policy classes"):
        create_rule(network_id=network.pk, fields=more, **ACT)
    assert Network.objects.get(pk=network.pk).policy_version == before
