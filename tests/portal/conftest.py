"""People of each role, and one row of every model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client

from coordinator.limits import limit_store
from coordinator.replica import REPLICAS
from nodes.presence import presence_store
from sessions_app.models import User
from tests import factories as make


@pytest.fixture(autouse=True)
def _forget_what_memory_holds() -> None:
    """Presence and limits live in the process: no test inherits another's."""
    presence_store.cache_clear()
    REPLICAS.clear()
    limit_store.cache_clear()


@pytest.fixture
def owner(db: None) -> User:
    """Someone who may everything."""
    person: User = make.UserFactory(username="mara", display_name="Mara Lindqvist", role=User.Role.OWNER)
    return person


@pytest.fixture
def network(db: None) -> Any:
    """The one network."""
    return make.NetworkFactory(name="main", domain="mycompany.ghost")


@pytest.fixture
def client(owner: User, network: Any) -> Client:
    """A browser in which the owner is logged in."""
    browser = Client()
    browser.force_login(owner)
    return browser


@pytest.fixture
def as_role(network: Any) -> Callable[[str], Client]:
    """A browser of someone with a role."""

    def log_in(role: str) -> Client:
        browser = Client()
        browser.force_login(make.UserFactory(role=role))
        return browser

    return log_in


@pytest.fixture
def one_of_each(network: Any) -> dict[type[Model], Model]:
    """A row of every model, in one network."""
    node = make.NodeFactory(network=network, posture={"disk": True}, relay_latency_ms={"1": 4.2}, home_region=1)
    tagged = make.TaggedNodeFactory(network=network, tags=["tag:web"])
    group = make.GroupFactory(network=network, name="ops")
    region = make.RelayRegionFactory(network=network, number=1, name="Frankfurt")
    key = make.AuthKeyFactory(network=network)
    rows: list[Any] = [
        network,
        node,
        tagged.tags.get(),
        make.AddressFactory(node=node),
        make.NameReservationFactory(network=network),
        make.EndpointFactory(node=node),
        make.ObservationFactory(node=node, reporter=tagged),
        make.RouteFactory(node=node),
        make.OnlineSpanFactory(node=node),
        make.HistoryCursorFactory(network=network),
        make.JobFactory(network=network, node_ids=[node.pk], total=1),
        make.SampleFactory(network=network),
        make.TrafficHourFactory(node=node),
        make.TrafficTotalFactory(node=node),
        make.RetiredKeyFactory(network=network),
        region,
        make.RelayServerFactory(region=region),
        make.DnsRecordFactory(network=network),
        make.ChangeFactory(network=network, kind="nodes", facts={"nodes": [{"id": node.pk}], "removed": []}),
        group,
        make.GroupMemberFactory(group=group),
        make.HostFactory(network=network),
        make.TagOwnerFactory(network=network, tag="tag:web", owners=["group:ops"]),
        make.AclRuleFactory(network=network, position=1, sources=["group:ops", f"node#{node.pk}"], ports=[[22, 22]]),
        make.PolicyVersionFactory(network=network),
        make.PolicyTestFactory(network=network),
        make.PolicyTrialFactory(network=network),
        make.PolicyClockFactory(network=network),
        make.PolicyBoundaryFactory(network=network),
        make.AutoApproverFactory(network=network),
        make.AutoApprovalFactory(node=tagged, prefix=make.RouteFactory(node=tagged, approved=True).prefix),
        make.NodeAttributeFactory(network=network),
        node.owner,
        key,
        make.AuthKeyUseFactory(auth_key=key, node=node),
        make.EnrolmentFactory(network=network),
        make.NodeSessionFactory(node=node),
        make.ApiTokenFactory(),
        make.PasswordLinkFactory(user=make.UserFactory(username="eve")),
        make.AuditEntryFactory(),
        make.UsedChallengeFactory(),
    ]
    return {type(row): row for row in rows}
