"""Documents of a network whose policy names what was deleted since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from acl.models import Group, Host, TagOwner
from acl.selectors import load_policy
from acl.services.groups import delete_group, save_group
from acl.services.hosts import delete_host, save_host
from acl.services.rules import create_rule
from acl.services.tags import delete_tag, save_tag
from coordinator.lifecycle import delete_node
from coordinator.policy.documents import check_policy_document, export_policy, import_policy
from mesh.change import Cause
from mesh.errors import ValidationError
from nodes.models import Network, Node
from sessions_app.models import User
from tests.factories import NodeFactory


def act() -> dict[str, Any]:
    return {"cause": Cause.command(), "now": timezone.now()}


def gone_node(network: Network) -> str:
    web = NodeFactory(network=network, name="web")
    return f"node:{web.name}"


def gone_group(network: Network) -> str:
    save_group(network_id=network.pk, name="ops", users=[], subgroups=[], **act())
    return "group:ops"


def gone_host(network: Network) -> str:
    save_host(network_id=network.pk, name="printer", prefix="192.0.2.1", **act())
    return "host:printer"


def gone_tag(network: Network) -> str:
    save_tag(network_id=network.pk, tag="tag:db", owners=[], **act())
    return "tag:db"


def delete(selector: str) -> None:
    match selector.partition(":")[0]:
        case "node":
            delete_node(node_id=Node.objects.get(name="web").pk, **act())
        case "group":
            delete_group(group_id=Group.objects.get().pk, **act())
        case "host":
            delete_host(host_id=Host.objects.get().pk, **act())
        case _:
            delete_tag(tag_owner_id=TagOwner.objects.get().pk, **act())


@pytest.fixture(params=[gone_node, gone_group, gone_host, gone_tag])
def gone(request: pytest.FixtureRequest, network: Network, ana: User) -> str:
    """The selector of something that an accept rule names and that is not there any more."""
    make: Callable[[Network], str] = request.param
    selector = make(network)
    fields = {"action": "accept", "sources": [selector], "destinations": ["*"], "name": "old"}
    create_rule(network_id=network.pk, fields=fields, **act())
    delete(selector)
    return selector


def test_what_goes_out_comes_in_as_the_same(network: Network, gone: str) -> None:
    before = load_policy(network.pk)
    text = export_policy(network_id=network.pk).text
    assert import_policy(network_id=network.pk, text=text, **act()).version is None
    assert check_policy_document(network_id=network.pk, text=text, now=timezone.now()).difference == {}
    assert load_policy(network.pk) == before


def test_the_rest_of_it_can_be_edited(network: Network, gone: str) -> None:
    text = export_policy(network_id=network.pk).text.replace('"old"', '"older"')
    version = import_policy(network_id=network.pk, text=text, **act()).version
    assert version is not None and version.summary == "1 rule changed"
    assert export_policy(network_id=network.pk).text == text


def test_it_cannot_be_named_anew(network: Network, gone: str) -> None:
    text = export_policy(network_id=network.pk).text
    import_policy(network_id=network.pk, text='{"acls": []}', **act())
    with pytest.raises(ValidationError):
        import_policy(network_id=network.pk, text=text, **act())


def test_a_newcomer_with_the_old_name_is_somebody_else(network: Network, ana: User) -> None:
    selector = gone_node(network)
    fields = {"action": "accept", "sources": [selector], "destinations": ["*"]}
    create_rule(network_id=network.pk, fields=fields, **act())
    delete(selector)
    NodeFactory(network=network, name="web")
    before = load_policy(network.pk)
    import_policy(network_id=network.pk, text=export_policy(network_id=network.pk).text, **act())
    assert load_policy(network.pk) == before
