"""The administration API, below ``/api/v1/admin/``: a row for each method of each call.

``knows`` is the capability without which a call does not exist (404); ``needs`` the one without which it is refused
(403). ``own`` says what those get who know nothing of the kind but may have some of their own: ``list`` theirs alone,
``object`` another person's is not found, ``refused`` 403. What is not in the table is answered with 405.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tests.roles.table.people import OWN

BASE: Final = "api/v1/admin/"


@dataclass(frozen=True, slots=True)
class Call:
    """``path`` has ids by name; ``first`` is what has to be so before the call can succeed: (method, path, body)."""

    method: str
    path: str
    knows: str
    needs: str
    own: str = ""
    body: Any = None
    query: str = ""
    first: tuple[Any, ...] | None = None
    base: str = BASE
    # A POST that only asks changes nothing for anybody.
    asks: bool = False


def _reading(knows: str, *paths: str, query: str = "") -> tuple[Call, ...]:
    return tuple(Call("GET", path, knows, knows, query=query) for path in paths)


ON_TRIAL: Final = ("POST", "policy/versions/1/rollback?confirm_within=60")
RULE: Final = {"sources": ["*"], "destinations": ["tag:web"]}
ROUTES: Final = {"prefixes": ["192.168.7.0/24"]}

NODES = (
    Call("GET", "nodes", "nodes.view", "nodes.view", own="list"),
    *(
        Call("GET", f"nodes/{{node}}{part}", "nodes.view", "nodes.view", own="object")
        for part in ("", "/netmap", "/history", "/traffic")
    ),
    *(
        Call(method, path, "nodes.view", needs, own="refused", body=body)
        for method, path, needs, body in (
            ("PATCH", "nodes/{node}", "nodes.manage", {"name": "other"}),
            ("DELETE", "nodes/{node}", "nodes.manage", None),
            ("POST", "nodes/{node}/disable", "nodes.manage", None),
            ("POST", "nodes/{node}/expire", "nodes.expire", None),
            ("POST", "nodes/{node}/rotate-key", "nodes.manage", None),
            ("POST", "nodes/rotate-keys", "nodes.manage", None),
            ("POST", "nodes/{node}/routes/approve", "routes.manage", ROUTES),
        )
    ),
    Call(
        "POST", "nodes/{node}/enable", "nodes.view", "nodes.manage", "refused", first=("POST", "nodes/{node}/disable"),
    ),
    Call(
        "POST", "nodes/{node}/routes/withdraw", "nodes.view", "routes.manage", "refused", ROUTES,
        first=("POST", "nodes/{node}/routes/approve", ROUTES),
    ),
    Call("GET", "sessions", "nodes.view", "nodes.view", own="list"),
    Call("GET", "sessions/{session}", "nodes.view", "nodes.view", own="object"),
    Call("POST", "sessions/{session}/revoke", "nodes.view", "nodes.manage", own="refused"),
    *_reading("nodes.view", "retired-keys", "retired-keys/{retired_key}", "enrolments", "enrolments/{enrolment}"),
    Call("DELETE", "retired-keys/{retired_key}", "nodes.view", "nodes.manage"),
    Call("POST", "enrolments/{enrolment}/approve", "nodes.view", "nodes.approve", body={}),
    Call("POST", "enrolments/{enrolment}/reject", "nodes.view", "nodes.approve"),
    # A job takes what its act takes: these expire nodes, the one that is done approved some.
    *_reading("nodes.view", "jobs", "jobs/{job}"),
    Call("POST", "jobs", "nodes.view", "nodes.expire", body={"act": "expire", "nodes": {"search": "web"}}),
    Call("POST", "jobs/{job}/start", "nodes.view", "nodes.expire", body={"nodes": 1}),
    Call("POST", "jobs/{job}/cancel", "nodes.view", "nodes.expire"),
    Call("POST", "jobs/{done_job}/undo", "nodes.view", "nodes.approve"),
)  # fmt: skip

NETWORK = (
    *_reading("network.view", "status", "status/samples", "networks", "networks/{network}"),
    *_reading("network.view", "relays", "relays/{region}", "relays/{region}/servers/{server}"),
    *_reading("network.view", "dns-records", "dns-records/{record}"),
    *(
        Call(method, path, "network.view", "network.manage", body=body)
        for method, path, body in (
            ("PATCH", "networks/{network}", {"grace_seconds": 90}),
            ("POST", "relays", {"number": 4, "code": "ams", "name": "Amsterdam"}),
            ("PATCH", "relays/{region}", {"name": "Main"}),
            ("DELETE", "relays/{region}", None),
            ("POST", "relays/{region}/servers", {"name": "two", "host": "two.example.com"}),
            ("PATCH", "relays/{region}/servers/{server}", {"port": 8443}),
            ("DELETE", "relays/{region}/servers/{server}", None),
            ("POST", "dns-records", {"name": "nas.corp.example", "type": "A", "value": "192.0.2.8"}),
            ("PATCH", "dns-records/{record}", {"value": "192.0.2.8"}),
            ("DELETE", "dns-records/{record}", None),
        )
    ),
)

PEOPLE = (
    *_reading("keys.view", "auth-keys", "auth-keys/{auth_key}"),
    Call("POST", "auth-keys", "keys.view", "keys.manage", body={}),
    Call("POST", "auth-keys/{auth_key}/revoke", "keys.view", "keys.manage"),
    *_reading("users.view", "users", "users/{user}"),
    *(
        Call(method, path, "users.view", "users.manage", body=body)
        for method, path, body in (
            ("POST", "users", {"login": "new@example.com"}),
            ("POST", "users/invite", {"login": "guest@example.com"}),
            ("POST", "users/{user}/password-link", {}),
            ("PATCH", "users/{user}", {"display_name": "Ana"}),
            ("POST", "users/{user}/disable", None),
        )
    ),
    Call("DELETE", "users/{user}", "users.view", "users.manage", query="nodes=delete"),
    Call("POST", "users/{user}/enable", "users.view", "users.manage", first=("POST", "users/{user}/disable")),
    Call(
        "DELETE", "users/{user}/password-link", "users.view", "users.manage",
        first=("POST", "users/{user}/password-link"),
    ),
    *(
        Call(method, path, OWN, OWN, body=body)
        for method, path, body in (
            ("GET", "api-tokens", None),
            ("POST", "api-tokens", {"name": "another", "scopes": ["own"]}),
            ("GET", "api-tokens/{api_token}", None),
            ("POST", "api-tokens/{api_token}/revoke", None),
        )
    ),
    *_reading(
        "changes.view", "events", "events/{event}", "changes", "changes/{version}", "changes/{version}/delivery"
    ),
)  # fmt: skip

POLICY = (
    *_reading("policy.view", "acl/rules", "acl/rules/{rule}", "acl/groups", "acl/groups/{group}"),
    *_reading("policy.view", "acl/hosts", "acl/hosts/{host}", "acl/tags", "acl/tags/{tag}"),
    *_reading("policy.view", "policy", "policy/matrix", "policy/graph", "policy/lint", "policy/trial"),
    *_reading("policy.view", "policy/explain", query="source=node:laptop&destination=node:web&port=22"),
    *_reading("policy.view", "policy/tests", "policy/tests/{test}", "policy/versions"),
    *_reading(
        "policy.view", *(f"policy/versions/{{policy}}{part}" for part in ("", "/document", "/diff"))
    ),
    Call("POST", "policy/preview", "policy.view", "policy.view", body={"edits": []}, asks=True),
    *(
        Call(method, path, "policy.view", "policy.manage", body=body)
        for method, path, body in (
            ("POST", "acl/rules", RULE),
            ("PUT", "acl/rules/order", {"order": "reversed"}),
            ("PATCH", "acl/rules/{rule}", {"enabled": False}),
            ("DELETE", "acl/rules/{rule}", None),
            ("POST", "acl/rules/{rule}/move", {"position": 1}),
            ("POST", "acl/groups", {"name": "dev"}),
            ("PATCH", "acl/groups/{group}", {"users": []}),
            ("DELETE", "acl/groups/{group}", None),
            ("POST", "acl/hosts", {"name": "cache", "prefix": "192.0.2.10"}),
            ("PATCH", "acl/hosts/{host}", {"prefix": "192.0.2.11"}),
            ("DELETE", "acl/hosts/{host}", None),
            ("POST", "acl/tags", {"tag": "tag:db"}),
            ("PATCH", "acl/tags/{tag}", {"comment": "Servers."}),
            ("DELETE", "acl/tags/{tag}", None),
            ("PUT", "policy", {"acls": []}),
            ("POST", "policy/tests", {"source": "user:ana@example.com", "deny": ["203.0.113.7:22"]}),
            ("PATCH", "policy/tests/{test}", {"protocol": "tcp"}),
            ("DELETE", "policy/tests/{test}", None),
            ("POST", "policy/versions/{first_policy}/rollback", {}),
        )
    ),
    *(
        Call("POST", f"policy/trial/{act}", "policy.view", "policy.manage", body={}, first=ON_TRIAL)
        for act in ("confirm", "revert")
    ),
)  # fmt: skip

# What is the caller's own, whatever the role; ``{own_...}`` are the caller's, and another person's is not found.
ME = tuple(
    Call(method, path, OWN, OWN, body=body, base="api/v1/me")
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/devices", None),
        ("GET", "/devices/{own_device}", None),
        ("PATCH", "/devices/{own_device}", {"name": "other"}),
        ("DELETE", "/devices/{own_device}", None),
        ("POST", "/devices/{own_device}/expire", None),
        ("GET", "/sessions", None),
        ("DELETE", "/sessions", None),
        ("DELETE", "/sessions/{own_session}", None),
        ("GET", "/api-tokens", None),
        ("GET", "/api-tokens/{api_token}", None),
        ("DELETE", "/api-tokens/{api_token}", None),
    )
)

CALLS: Final = (*NODES, *NETWORK, *PEOPLE, *POLICY, *ME)
