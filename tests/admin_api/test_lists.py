"""Lists: pages by key, the same number of queries whatever the length, and nothing counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from nodes.models import Network, Node
from tests import factories
from tests.admin_api.api import Api, faults

Fill = Callable[[Network, int], None]


def nodes(network: Network, count: int) -> None:
    for node in factories.NodeFactory.create_batch(count, network=network):
        factories.AddressFactory(node=node)
        factories.EndpointFactory(node=node)
        factories.RouteFactory(node=node)


def tagged(network: Network, count: int) -> None:
    factories.TaggedNodeFactory.create_batch(count, network=network)


def auth_keys(network: Network, count: int) -> None:
    factories.AuthKeyFactory.create_batch(count, network=network)


def sessions(network: Network, count: int) -> None:
    for node in factories.NodeFactory.create_batch(count, network=network):
        factories.NodeSessionFactory(node=node)


def users(network: Network, count: int) -> None:
    factories.UserFactory.create_batch(count)


def retired_keys(network: Network, count: int) -> None:
    factories.RetiredKeyFactory.create_batch(count, network=network)


def relays(network: Network, count: int) -> None:
    for region in factories.RelayRegionFactory.create_batch(count, network=network):
        factories.RelayServerFactory(region=region)


def dns_records(network: Network, count: int) -> None:
    factories.DnsRecordFactory.create_batch(count, network=network)


def changes(network: Network, count: int) -> None:
    factories.ChangeFactory.create_batch(count, network=network)


def rules(network: Network, count: int) -> None:
    last = network.acl_rules.count()
    for number in range(count):
        user = factories.UserFactory()
        factories.AclRuleFactory(network=network, position=last + 1 + number, sources=[f"user#{user.pk}"])


def groups(network: Network, count: int) -> None:
    for group in factories.GroupFactory.create_batch(count, network=network):
        factories.GroupMemberFactory(group=group)


def hosts(network: Network, count: int) -> None:
    factories.HostFactory.create_batch(count, network=network)


def tags(network: Network, count: int) -> None:
    for tag in factories.TagOwnerFactory.create_batch(count, network=network):
        tag.owners = [f"user#{factories.UserFactory().pk}"]
        tag.save()


def jobs(network: Network, count: int) -> None:
    factories.JobFactory.create_batch(count, network=network, state="done", changed=1)


LISTS: dict[str, Fill] = {
    "nodes": nodes,
    "nodes?tag=tag:server": tagged,
    "nodes?address=0.0.0.0/0&q=node": nodes,
    "nodes?order=attention&status=waiting,offline&search=node": nodes,
    "jobs": jobs,
    "auth-keys": auth_keys,
    "sessions": sessions,
    "users": users,
    "retired-keys": retired_keys,
    "relays": relays,
    "dns-records": dns_records,
    "changes": changes,
    "acl/rules": rules,
    "acl/groups": groups,
    "acl/hosts": hosts,
    "acl/tags": tags,
}
each_list = pytest.mark.parametrize(("path", "fill"), LISTS.items(), ids=LISTS)


def queries_of(api: Api, path: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        api.get(path)
    return [query["sql"] for query in captured.captured_queries]


@each_list
def test_a_longer_list_takes_no_more_queries(api: Api, network: Network, path: str, fill: Fill) -> None:
    fill(network, 2)
    api.get(path)  # what a token's first use notes
    few = queries_of(api, path)
    fill(network, 8)
    many = queries_of(api, path)
    assert len(many) == len(few), "\n".join(many)


@each_list
def test_nothing_is_counted(api: Api, network: Network, path: str, fill: Fill) -> None:
    fill(network, 3)
    assert not [sql for sql in queries_of(api, path) if "COUNT(" in sql.upper() or "OFFSET" in sql.upper()]


@each_list
def test_pages_follow_each_other_without_gap_or_double(api: Api, network: Network, path: str, fill: Fill) -> None:
    fill(network, 7)
    whole = api.get(path)
    assert whole["next"] is None
    found: list[Any] = []
    url: str | None = f"/api/v1/admin/{path}{'&' if '?' in path else '?'}limit=3"
    pages = 0
    while url is not None:
        page = api.get(url)
        assert len(page["results"]) <= 3
        found += page["results"]
        parts = urlsplit(page["next"]) if page["next"] else None
        url = parts and f"{parts.path}?{parts.query}"
        pages += 1
    assert found == whole["results"]
    assert pages == -(-len(found) // 3)


def test_the_next_page_keeps_the_filters_and_names_this_server(api: Api, network: Network) -> None:
    nodes(network, 3)
    link = api.get("nodes?limit=2&q=node&state=active")["next"]
    assert link.startswith("http://testserver/api/v1/admin/nodes?")
    assert {"limit=2", "q=node", "state=active"} < set(urlsplit(link).query.split("&"))


def test_a_page_is_full_where_nothing_is_said(api: Api, network: Network) -> None:
    factories.HostFactory.create_batch(101, network=network)
    page = api.get("acl/hosts")
    assert len(page["results"]) == 100
    assert page["next"] is not None


def test_rows_that_come_and_go_move_no_other(api: Api, network: Network) -> None:
    nodes(network, 4)
    first = api.get("nodes?limit=2")
    Node.objects.get(pk=first["results"][0]["id"]).delete()
    nodes(network, 1)
    names = [item["id"] for item in first["results"]] + api.names(f"nodes?after={first['results'][-1]['id']}", "id")
    assert names == sorted(set(names))
    assert len(names) == 5


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=ten", "limit"),
        ("limit=-1", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("after=x", "after"),
        ("after=9007199254740992", "after"),
        ("after=-1", "after"),
        ("cursor=1", "cursor"),
    ],
)
def test_pages_are_asked_for_strictly(api: Api, query: str, fault: str) -> None:
    assert faults(api("GET", f"nodes?{query}")) == [fault]


def test_an_end_beyond_all_rows_is_an_empty_page(api: Api) -> None:
    assert api.get("nodes?after=9007199254740991") == {"results": [], "next": None}


def test_a_page_has_as_many_rows_as_it_was_asked_for(api: Api, network: Network) -> None:
    rows = [
        Node(network=network, public_key=factories.public_key(5000 + number), name=f"n{number}", hostname="n")
        for number in range(501)
    ]
    Node.objects.bulk_create(rows)
    page = api.get("nodes?limit=500")
    assert (len(page["results"]), page["next"] is None) == (500, False)
