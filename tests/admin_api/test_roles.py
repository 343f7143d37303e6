"""Who may call what: one row for every method of every URL. A call without a row fails the suite."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.urls import URLPattern

from coordinator.admin_api.urls import urlpatterns
from nodes.models import Network
from sessions_app.models import User
from tests.admin_api.api import ROLES, Api, api_of, refusal
from tests.admin_api.sample import Sample, make_sample


@dataclass(frozen=True)
class Row:
    """``who``: a letter for each of ``ROLES``: y may, n may not (403), - may not even know of it (404)."""

    method: str
    path: str
    who: str
    body: Any = None
    query: str = ""


RULE = {"sources": ["*"], "destinations": ["tag:web"]}
TABLE = (
    Row("GET", "status", "yyyyy-"),
    Row("GET", "status/samples", "yyyyy-"),
    Row("GET", "networks", "yyyyy-"),
    Row("GET", "networks/{network}", "yyyyy-"),
    Row("PATCH", "networks/{network}", "yyynn-", {"grace_seconds": 90}),
    Row("GET", "nodes", "yyyyyy"),
    Row("GET", "nodes/{node}", "yyyyy-"),
    Row("PATCH", "nodes/{node}", "yynnnn", {"name": "other"}),
    Row("DELETE", "nodes/{node}", "yynnnn"),
    Row("POST", "nodes/{node}/disable", "yynnnn"),
    Row("POST", "nodes/{node}/enable", "yynnnn"),
    Row("POST", "nodes/{node}/expire", "yynynn"),
    Row("POST", "nodes/{node}/rotate-key", "yynnnn"),
    Row("POST", "nodes/rotate-keys", "yynnnn"),
    Row("GET", "nodes/{node}/netmap", "yyyyy-"),
    Row("GET", "nodes/{node}/history", "yyyyy-"),
    Row("GET", "nodes/{node}/traffic", "yyyyy-"),
    Row("POST", "nodes/{node}/routes/approve", "yyynnn", {"prefixes": ["192.168.7.0/24"]}),
    Row("POST", "nodes/{node}/routes/withdraw", "yyynnn", {"prefixes": ["192.168.7.0/24"]}),
    Row("GET", "jobs", "yyyyy-"),
    Row("POST", "jobs", "yynnn-", {"act": "disable", "nodes": {}}),
    Row("POST", "jobs", "yynyn-", {"act": "expire", "nodes": {}}),
    Row("GET", "jobs/{job}", "yyyyy-"),
    Row("POST", "jobs/{job}/start", "yynyn-", {"nodes": 1}),
    Row("POST", "jobs/{job}/cancel", "yynyn-"),
    Row("POST", "jobs/{done_job}/undo", "yynyn-"),
    Row("GET", "auth-keys", "yyy-y-"),
    Row("POST", "auth-keys", "yyn-n-", {}),
    Row("GET", "auth-keys/{auth_key}", "yyy-y-"),
    Row("POST", "auth-keys/{auth_key}/revoke", "yyn-n-"),
    Row("GET", "enrolments", "yyyyy-"),
    Row("GET", "enrolments/{enrolment}", "yyyyy-"),
    Row("POST", "enrolments/{enrolment}/approve", "yynyn-", {}),
    Row("POST", "enrolments/{enrolment}/reject", "yynyn-"),
    Row("GET", "sessions", "yyyyyy"),
    Row("GET", "sessions/{session}", "yyyyy-"),
    Row("POST", "sessions/{session}/revoke", "yynnnn"),
    Row("GET", "users", "yyy-y-"),
    Row("POST", "users", "yyn-n-", {"login": "new@example.com"}),
    Row("POST", "users/invite", "yyn-n-", {"login": "guest@example.com"}),
    Row("POST", "users/{user}/password-link", "yyn-n-", {}),
    Row("DELETE", "users/{user}/password-link", "yyn-n-"),
    Row("GET", "users/{user}", "yyy-y-"),
    Row("PATCH", "users/{user}", "yyn-n-", {"display_name": "Ana"}),
    Row("DELETE", "users/{user}", "yyn-n-", query="nodes=delete"),
    Row("POST", "users/{user}/disable", "yyn-n-"),
    Row("POST", "users/{user}/enable", "yyn-n-"),
    Row("GET", "api-tokens", "yyyyyy"),
    Row("POST", "api-tokens", "yyyyyy", {"name": "another"}),
    Row("GET", "api-tokens/{api_token}", "yyyyyy"),
    Row("POST", "api-tokens/{api_token}/revoke", "yyyyyy"),
    Row("GET", "retired-keys", "yyyyy-"),
    Row("GET", "retired-keys/{retired_key}", "yyyyy-"),
    Row("DELETE", "retired-keys/{retired_key}", "yynnn-"),
    Row("GET", "relays", "yyyyy-"),
    Row("POST", "relays", "yyynn-", {"number": 4, "code": "ams", "name": "Amsterdam"}),
    Row("GET", "relays/{region}", "yyyyy-"),
    Row("PATCH", "relays/{region}", "yyynn-", {"name": "Main"}),
    Row("DELETE", "relays/{region}", "yyynn-"),
    Row("POST", "relays/{region}/servers", "yyynn-", {"name": "two", "host": "two.example.com"}),
    Row("GET", "relays/{region}/servers/{server}", "yyyyy-"),
    Row("PATCH", "relays/{region}/servers/{server}", "yyynn-", {"port": 8443}),
    Row("DELETE", "relays/{region}/servers/{server}", "yyynn-"),
    Row("GET", "dns-records", "yyyyy-"),
    Row("POST", "dns-records", "yyynn-", {"name": "nas.corp.example", "type": "A", "value": "192.0.2.8"}),
    Row("GET", "dns-records/{record}", "yyyyy-"),
    Row("PATCH", "dns-records/{record}", "yyynn-", {"value": "192.0.2.8"}),
    Row("DELETE", "dns-records/{record}", "yyynn-"),
    Row("GET", "events", "yyy-y-"),
    Row("GET", "events/{event}", "yyy-y-"),
    Row("GET", "changes", "yyy-y-"),
    Row("GET", "changes/{version}", "yyy-y-"),
    Row("GET", "changes/{version}/delivery", "yyy-y-"),
    Row("GET", "acl/rules", "yyy-y-"),
    Row("POST", "acl/rules", "yyy-n-", RULE),
    Row("PUT", "acl/rules/order", "yyy-n-", {"order": []}),
    Row("GET", "acl/rules/{rule}", "yyy-y-"),
    Row("PATCH", "acl/rules/{rule}", "yyy-n-", {"enabled": False}),
    Row("DELETE", "acl/rules/{rule}", "yyy-n-"),
    Row("POST", "acl/rules/{rule}/move", "yyy-n-", {"position": 1}),
    Row("GET", "acl/groups", "yyy-y-"),
    Row("POST", "acl/groups", "yyy-n-", {"name": "dev"}),
    Row("GET", "acl/groups/{group}", "yyy-y-"),
    Row("PATCH", "acl/groups/{group}", "yyy-n-", {"users": []}),
    Row("DELETE", "acl/groups/{group}", "yyy-n-"),
    Row("GET", "acl/hosts", "yyy-y-"),
    Row("POST", "acl/hosts", "yyy-n-", {"name": "cache", "prefix": "192.0.2.10"}),
    Row("GET", "acl/hosts/{host}", "yyy-y-"),
    Row("PATCH", "acl/hosts/{host}", "yyy-n-", {"prefix": "192.0.2.11"}),
    Row("DELETE", "acl/hosts/{host}", "yyy-n-"),
    Row("GET", "acl/tags", "yyy-y-"),
    Row("POST", "acl/tags", "yyy-n-", {"tag": "tag:db"}),
    Row("GET", "acl/tags/{tag}", "yyy-y-"),
    Row("PATCH", "acl/tags/{tag}", "yyy-n-", {"comment": "Servers."}),
    Row("DELETE", "acl/tags/{tag}", "yyy-n-"),
    Row("GET", "policy", "yyy-y-"),
    Row("PUT", "policy", "yyy-n-", {"acls": []}),
    Row("POST", "policy/preview", "yyy-y-", {"edits": []}),
    Row("GET", "policy/explain", "yyy-y-", query="source=node:laptop&destination=node:web&port=22"),
    Row("GET", "policy/matrix", "yyy-y-"),
    Row("GET", "policy/graph", "yyy-y-"),
    Row("GET", "policy/lint", "yyy-y-"),
    Row("GET", "policy/trial", "yyy-y-"),
    Row("POST", "policy/trial/confirm", "yyy-n-", {}),
    Row("POST", "policy/trial/revert", "yyy-n-", {}),
    Row("GET", "policy/tests", "yyy-y-"),
    Row("POST", "policy/tests", "yyy-n-", {"source": "user:ana@example.com", "deny": ["203.0.113.7:22"]}),
    Row("GET", "policy/tests/{test}", "yyy-y-"),
    Row("PATCH", "policy/tests/{test}", "yyy-n-", {"protocol": "tcp"}),
    Row("DELETE", "policy/tests/{test}", "yyy-n-"),
    Row("GET", "policy/versions", "yyy-y-"),
    Row("GET", "policy/versions/{policy}", "yyy-y-"),
    Row("GET", "policy/versions/{policy}/document", "yyy-y-"),
    Row("GET", "policy/versions/{policy}/diff", "yyy-y-"),
    Row("POST", "policy/versions/{policy}/rollback", "yyy-n-", {}),
)
# What has to be so before a call can succeed.
ON_TRIAL = ("POST", "policy/versions/1/rollback?confirm_within=60")
FIRST = {
    ("POST", "nodes/{node}/enable"): ("POST", "nodes/{node}/disable"),
    ("POST", "policy/trial/confirm"): ON_TRIAL,
    ("POST", "policy/trial/revert"): ON_TRIAL,
}


def calls() -> set[tuple[str, str]]:
    """Every method of every URL, with one mark in place of whatever a path takes."""
    found = set()
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        view = pattern.callback.view_class  # type: ignore[attr-defined]
        methods = {name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)}
        found |= {(method, re.sub(r"<[^>]+>", "{}", str(pattern.pattern))) for method in methods}
    return found


def test_every_call_has_a_row_and_every_row_a_call() -> None:
    assert {(row.method, re.sub(r"{\w+}", "{}", row.path)) for row in TABLE} == calls()


@pytest.fixture
def sample(network: Network, ana: User) -> Sample:
    return make_sample(network, ana)


def test_each_role_may_what_the_table_says(sample: Sample) -> None:
    callers = [api_of(role) for role in ROLES]
    found = {}
    for row in TABLE:
        letters = ""
        for caller in callers:
            # Each call meets the same state: what one role did must not decide about the next one.
            with transaction.atomic():
                first = FIRST.get((row.method, row.path))
                if first is not None:
                    assert callers[0](first[0], sample.path(first[1])).status_code == 200
                letters += _letter(_call(caller, row, sample))
                transaction.set_rollback(True)
        found[row.method, row.path] = letters
    assert found == {(row.method, row.path): row.who for row in TABLE}


@pytest.mark.parametrize("caller", ["nobody", "agent", "unknown token"])
def test_nobody_calls_without_an_api_token(caller: str, sample: Sample) -> None:
    api = Api({"nobody": None, "agent": sample.machine.token, "unknown token": "gwa_" + "A" * 43}[caller])
    for row in TABLE:
        response = api(row.method, sample.path(row.path, api_token=1), row.body)
        assert refusal(response) == (401, "authentication"), row
        assert response["WWW-Authenticate"] == "Bearer"


def _call(api: Api, row: Row, sample: Sample) -> Any:
    assert api.api_token is not None
    body = row.body
    if row.path == "acl/rules/order":
        body = {"order": [rule.pk for rule in sample.network.acl_rules.order_by("-position")]}
    return api(row.method, f"{sample.path(row.path, api_token=api.api_token.pk)}?{row.query}", body)


def _letter(response: Any) -> str:
    if response.status_code in (200, 201, 204):
        return "y"
    status, code = refusal(response)
    assert (status, code) in ((403, "permission"), (404, "not_found")), response.content
    return {403: "n", 404: "-"}[status]
