"""What all calls share: strict bodies, problems, limits, networks by name, and no caching."""

from __future__ import annotations

import json
from typing import Any

import pytest

from coordinator.admin_api.limits import READS, WRITES
from nodes.models import Network
from tests import factories
from tests.admin_api.api import Api, api_of, faults, refusal
from tests.fixtures import Clock


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b"null",
        b'"text"',
        b"1",
        b'{"login": "eve", "login": "eva"}',
        b'{"login": "\\u0000"}',
        b'{"login": "\\ud800"}',
        b'{"login": NaN}',
        b'{"login": 1e999}',
        b'{"login": "e\xff"}',
        b"[" * 40 + b"]" * 40,
    ],
)
def test_a_body_is_read_strictly(api: Api, body: bytes) -> None:
    assert refusal(api("POST", "users", body)) == (400, "validation")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_body_is_json(api: Api, content_type: str) -> None:
    response = api("POST", "users", b'{"login": "eve"}', Content_Type=content_type)
    assert refusal(response) == (415, "validation")


def test_json_may_say_its_charset(api: Api) -> None:
    assert api("POST", "users", {"login": "eve"}, Content_Type="Application/JSON; charset=utf-8").status_code == 201


@pytest.mark.parametrize("path", ["nodes/{}/disable", "auth-keys/{}/revoke", "users/{}/enable"])
def test_calls_without_a_body_refuse_one(api: Api, path: str) -> None:
    assert refusal(api("POST", path.format(1), {"force": True})) == (400, "validation")


def test_an_empty_edit_is_refused(api: Api) -> None:
    assert refusal(api("PATCH", "networks/default", {})) == (400, "validation")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/png", "nonsense", "*/*"])
def test_answers_are_json_whatever_is_accepted(api: Api, accept: str) -> None:
    assert api("GET", "networks", Accept=accept).status_code == 200
    assert refusal(api("GET", "nodes/1", Accept=accept)) == (404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "RIGHTS"])
def test_a_method_that_does_not_exist(api: Api, method: str) -> None:
    response = api(method, "nodes")
    assert (response.status_code, response["Content-Type"]) == (405, "application/problem+json")
    assert response["Allow"] == "GET, HEAD"


def test_head_is_get_without_the_body(api: Api) -> None:
    response = api("HEAD", "networks")
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("path", ["nonsense", "nodes/", "nodes/x", "nodes/-1", "nodes/1/", "networks/%00", "acl"])
def test_a_call_that_does_not_exist(api: Api, path: str) -> None:
    assert refusal(api("GET", path)) == (404, "not_found")


@pytest.mark.parametrize("ident", ["0", "999999", str(2**53), str(2**63), str(2**64), "9" * 4000])
@pytest.mark.parametrize("path", ["nodes/{}", "users/{}", "changes/{}", "acl/rules/{}", "relays/{}", "sessions/{}"])
def test_an_id_that_does_not_exist(api: Api, path: str, ident: str) -> None:
    assert refusal(api("GET", path.format(ident))) == (404, "not_found")


def test_answers_are_kept_by_nobody(api: Api) -> None:
    assert api("GET", "networks")["Cache-Control"] == "no-store"
    assert api("GET", "nodes/1")["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "header", ["", "gwa_x", "Bearer", "Bearer ", "Bearer  x", "Basic YTpi", "Bearer a b", "bearer gwk_" + "A" * 43]
)
def test_what_is_no_token(network: Network, header: str) -> None:
    response = Api()("GET", "networks", Authorization=header)
    assert refusal(response) == (401, "authentication")


def test_a_refusal_quotes_no_token(api: Api) -> None:
    secret = "gwk_" + "A" * 43
    response = api("POST", "auth-keys", {"tags": [secret]})
    assert secret not in response.content.decode()
    assert faults(response) == ["tags.0"]


@pytest.fixture
def other(network: Network) -> Network:
    made: Network = factories.NetworkFactory(name="other", domain="other.ghost")
    return made


def test_the_only_network_needs_no_name(api: Api, network: Network) -> None:
    assert api.get("nodes")["results"] == []
    assert refusal(api("GET", "nodes?network=other")) == (404, "not_found")


def test_one_of_several_must_be_named(api: Api, other: Network) -> None:
    assert refusal(api("GET", "nodes")) == (400, "validation")
    assert api.get("nodes?network=other")["results"] == []


@pytest.mark.parametrize(
    ("path", "make"),
    [
        ("nodes", factories.NodeFactory),
        ("auth-keys", factories.AuthKeyFactory),
        ("retired-keys", factories.RetiredKeyFactory),
        ("relays", factories.RelayRegionFactory),
        ("dns-records", factories.DnsRecordFactory),
        ("acl/rules", factories.AclRuleFactory),
        ("acl/groups", factories.GroupFactory),
        ("acl/hosts", factories.HostFactory),
        ("acl/tags", factories.TagOwnerFactory),
    ],
)
def test_a_network_never_sees_anothers(api: Api, network: Network, other: Network, path: str, make: Any) -> None:
    row = make(network=other)
    assert api.get(f"{path}/{row.pk}?network=other")["id"] == row.pk
    assert refusal(api("GET", f"{path}/{row.pk}?network=default")) == (404, "not_found")
    assert row.pk not in api.names(f"{path}?network=default", "id")
    assert api.names(f"{path}?network=other", "id") == [row.pk]


@pytest.mark.parametrize("path", ["nodes/{}/disable", "nodes/{}/expire", "sessions/{}/revoke"])
def test_nothing_is_done_to_what_is_anothers(api: Api, network: Network, other: Network, path: str) -> None:
    session = factories.NodeSessionFactory(node__network=other)
    ident = session.pk if path.startswith("sessions") else session.node.pk
    assert refusal(api("POST", path.format(ident) + "?network=default")) == (404, "not_found")
    session.node.refresh_from_db()
    session.refresh_from_db()
    assert (session.node.state, session.ended_at) == ("active", None)


def test_writes_are_limited_for_each_token(api: Api, clock: Clock) -> None:
    path = "users/999999/enable"
    for _ in range(int(WRITES.burst or 0)):
        assert refusal(api("POST", path)) == (404, "not_found")
    refused = api("POST", path)
    assert refusal(refused) == (429, "throttled")
    assert refused["Retry-After"] == "1"
    assert api("GET", "networks").status_code == 200
    assert refusal(api_of("admin")("POST", path)) == (404, "not_found")
    clock.advance(seconds=1)
    assert refusal(api("POST", path)) == (404, "not_found")


def test_reads_are_limited_for_each_token(api: Api, clock: Clock) -> None:
    statuses = [api("GET", "relays").status_code for _ in range(int(READS.burst or 0) + 1)]
    assert (statuses[:-1], statuses[-1]) == ([200] * int(READS.burst or 0), 429)


def test_unicode_stands_as_it_is(api: Api) -> None:
    made = api("POST", "users", {"login": "eve", "display_name": "Ève Ångström"})
    assert json.loads(made.content)["display_name"] == "Ève Ångström"
    assert "Ève" in made.content.decode()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_write_to_nowhere_is_told_so(api: Api, method: str) -> None:
    api.client.handler.enforce_csrf_checks = True
    assert refusal(api(method, "nodes/x", {})) == (404, "not_found")
