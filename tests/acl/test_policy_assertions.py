"""Stored tests of a policy: written, checked, and part of every version."""

from __future__ import annotations

from typing import Any

import pytest

from acl.models import PolicyTest
from acl.selectors import latest_version, load_policy, policy_of_version
from acl.services.assertions import create_test, delete_test, update_test
from acl.services.tags import save_tag
from mesh.change import Cause
from mesh.errors import ConflictError, NotFoundError, ValidationError
from mesh.policy import Assertion, PortRange, Target
from mesh.policy import selectors as s
from nodes.models import Network
from sessions_app.models import User
from tests.factories import NOW, NetworkFactory, UserFactory

pytestmark = pytest.mark.django_db
# What a test says of a policy is judged elsewhere: here they are forced in.
ACT: dict[str, Any] = {"cause": Cause.command(), "now": NOW, "forced": True}
CALM: dict[str, Any] = {"cause": Cause.command(), "now": NOW}


@pytest.fixture
def network() -> Network:
    made: Network = NetworkFactory()
    save_tag(network_id=made.pk, tag="tag:db", owners=[], **CALM)
    return made


@pytest.fixture
def ana() -> User:
    made: User = UserFactory(username="ana")
    return made


def fields(**members: Any) -> dict[str, Any]:
    return {"source": "user:ana", "accept": ["tag:db:22"]} | members


def create(network: Network, **members: Any) -> PolicyTest:
    return create_test(network_id=network.pk, fields=fields(**members), **ACT)


def test_a_test_comes_to_the_engine_as_it_was_written(network: Network, ana: User) -> None:
    create(network, deny=["tag:db:80-90,443"], protocol="tcp", posture={"disk": True})
    ssh, web = PortRange(22, 22), (PortRange(80, 90), PortRange(443, 443))
    db = s.tag("tag:db")
    assert load_policy(network.pk).assertions == (
        Assertion(s.user(ana.pk), (Target(db, (ssh,)),), (Target(db, web),), 6, (("disk", True),)),
    )


def test_a_test_is_part_of_the_version(network: Network, ana: User) -> None:
    create(network)
    version = latest_version(network.pk)
    assert version is not None
    assert version.summary == "tests changed"
    assert policy_of_version(version).assertions == load_policy(network.pk).assertions


def test_a_test_is_changed_in_part(network: Network, ana: User) -> None:
    row = create(network, protocol="tcp")
    update_test(test_id=row.pk, fields={"accept": ["tag:db:23"]}, **ACT)
    row.refresh_from_db()
    assert (row.protocol, row.accept[0]["ports"]) == (6, [[23, 23]])


def test_deleting_a_test_closes_the_gap(network: Network, ana: User) -> None:
    rows = [create(network, accept=[f"tag:db:{port}"]) for port in (1, 2, 3)]
    delete_test(test_id=rows[0].pk, **ACT)
    assert list(PolicyTest.objects.values_list("pk", "position")) == [(rows[1].pk, 1), (rows[2].pk, 2)]


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"source": "user:nobody"}, "source"),
        ({"source": "*"}, "source"),
        ({"source": "autogroup:internet"}, "source"),
        ({"accept": ["tag:db:22", "tag:none:22"]}, "accept.1"),
        ({"accept": ["tag:db"]}, "accept.0"),
        ({"accept": ["tag:db:*"]}, "accept.0"),
        ({"deny": ["*:22"]}, "deny.0"),
        ({"protocol": "smtp"}, "protocol"),
        ({"accept": [], "deny": []}, "accept"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_is_named(network: Network, ana: User, members: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError) as caught:
        create(network, **members)
    assert [item.field for item in caught.value.errors] == [fault]
    assert not PolicyTest.objects.exists()


def test_ping_needs_no_port(network: Network, ana: User) -> None:
    assert create(network, protocol="icmp", accept=["tag:db:*"]).accept == [{"destination": "tag:db", "ports": []}]


def test_a_test_that_is_not_there() -> None:
    with pytest.raises(NotFoundError):
        delete_test(test_id=99, **ACT)


def test_an_edit_against_another_version_is_refused(network: Network, ana: User) -> None:
    with pytest.raises(ConflictError):
        create_test(network_id=network.pk, fields=fields(), expected_version=999, **ACT)
