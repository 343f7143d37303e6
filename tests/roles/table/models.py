"""The pages of every model: list, page, form, verbs, bulk acts.

``needs`` opens list and page, ``edit`` the forms. A verb names what it takes and what its form is sent; the page's own
values fill in the rest. ``given`` are columns of the row that have to be so before the verb can do anything. Verbs in
``bulk`` are offered for ticked rows of the list too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

VIEW_POLICY: Final = "policy.view"
EDIT_POLICY: Final = "policy.manage"


@dataclass(frozen=True, slots=True)
class Does:
    """One verb. ``row``: the name of its row in the sample, where that is not the model's."""

    needs: str
    bulk: bool = False
    body: Mapping[str, Any] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    row: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """``add`` and ``change``: what the forms are sent; None where there is no such form. ``job_acts``: bulk acts that
    become jobs, with what each takes. ``does``: what the page of a row takes by the word in ``do``."""

    label: str
    needs: str
    edit: str = ""
    add: Mapping[str, Any] | None = None
    change: Mapping[str, Any] | None = None
    verbs: Mapping[str, Does] = field(default_factory=dict)
    job_acts: Mapping[str, str] = field(default_factory=dict)
    does: Mapping[str, Does] = field(default_factory=dict)
    # What it takes to be led on from the address of a form that is elsewhere.
    leads_on: str = ""


def _read_only(needs: str, *labels: str) -> tuple[Model, ...]:
    return tuple(Model(label, needs) for label in labels)


NODES = (
    Model(
        "nodes.node",
        "nodes.view",
        verbs={
            "rename": Does("nodes.manage", body={"name": "other"}),
            "address": Does("nodes.manage", body={"address": "{free_address}"}),
            "owner": Does("nodes.manage", body={"login": "ben@example.com"}),
            "rotate": Does("nodes.manage"),
            "tags": Does("nodes.manage", bulk=True, body={"tags": "tag:web"}),
            "enable": Does("nodes.manage", bulk=True, given={"state": "disabled"}),
            "expire": Does("nodes.expire", bulk=True),
            "disable": Does("nodes.manage", bulk=True),
            "delete": Does("nodes.manage", bulk=True, row="spare_node"),
        },
        job_acts={
            "approve": "nodes.approve",
            "enable": "nodes.manage",
            "expire": "nodes.expire",
            "disable": "nodes.manage",
            "rotate": "nodes.manage",
            "tags": "nodes.manage",
            "delete": "nodes.manage",
        },
    ),
    *_read_only(
        "nodes.view", "nodes.nodetag", "nodes.endpoint", "nodes.observation", "nodes.onlinespan", "nodes.traffichour",
        "nodes.traffictotal",
    ),
    # A job takes what its act takes.
    Model(
        "nodes.job",
        "nodes.view",
        does={
            "start": Does("nodes.expire", body={"nodes": "1", "sure": "on"}),
            "cancel": Does("nodes.expire"),
            "arguments": Does("nodes.manage", body={"mode": "add", "tags": "web"}, given={"act": "tags"}),
            "force": Does("nodes.manage", given={"act": "delete"}),
            "undo": Does("nodes.approve", row="done_job"),
        },
    ),
    Model(
        "nodes.route",
        "nodes.view",
        verbs={
            "approve": Does("routes.manage", bulk=True, given={"approved": False}),
            "withdraw": Does("routes.manage", bulk=True, given={"approved": True}),
        },
    ),
    Model("nodes.retiredkey", "nodes.view", verbs={"release": Does("nodes.manage", bulk=True)}),
    Model("sessions_app.nodesession", "nodes.view", verbs={"revoke": Does("nodes.manage", bulk=True)}),
    Model(
        "sessions_app.enrolment",
        "nodes.view",
        verbs={
            "approve": Does("nodes.approve", row="key_enrolment"),
            "reject": Does("nodes.approve", bulk=True),
        },
    ),
)  # fmt: skip

NETWORK = (
    Model("nodes.network", "network.view", "network.manage", change={"grace_seconds": "91"}),
    *_read_only("network.view", "nodes.address", "nodes.namereservation", "nodes.sample", "nodes.historycursor"),
    Model(
        "nodes.relayregion",
        "network.view",
        "network.manage",
        add={"number": "9", "code": "ams", "name": "Amsterdam"},
        change={"name": "Main"},
        verbs={"delete": Does("network.manage", bulk=True)},
    ),
    Model(
        "nodes.relayserver",
        "network.view",
        "network.manage",
        add={"region": "{region}", "name": "two", "host": "two.example.com"},
        change={"port": "8443"},
        verbs={"delete": Does("network.manage", bulk=True)},
    ),
    Model(
        "nodes.dnsrecord",
        "network.view",
        "network.manage",
        add={"name": "nas.corp.example", "type": "A", "value": "192.0.2.8"},
        change={"value": "192.0.2.9"},
        verbs={"delete": Does("network.manage", bulk=True)},
    ),
)

POLICY = (
    Model(
        "acl.aclrule",
        VIEW_POLICY,
        EDIT_POLICY,
        add={"sources": "*", "destinations": "tag:web", "action": "accept", "forced": "on", "enabled": "on"},
        change={"name": "another", "forced": "on"},
        verbs={
            "up": Does(EDIT_POLICY, row="last_rule"),
            "down": Does(EDIT_POLICY, row="first_rule"),
            "on": Does(EDIT_POLICY, bulk=True, given={"enabled": False}),
            "off": Does(EDIT_POLICY, bulk=True),
            "delete": Does(EDIT_POLICY, bulk=True),
        },
    ),
    Model(
        "acl.group",
        VIEW_POLICY,
        EDIT_POLICY,
        add={"name": "dev", "users": "ana@example.com"},
        change={"comment": "Theirs."},
        verbs={"delete": Does(EDIT_POLICY, bulk=True)},
    ),
    Model(
        "acl.host",
        VIEW_POLICY,
        EDIT_POLICY,
        add={"name": "cache", "prefix": "192.0.2.10"},
        change={"prefix": "192.0.2.11"},
        verbs={"delete": Does(EDIT_POLICY, bulk=True)},
    ),
    Model(
        "acl.tagowner",
        VIEW_POLICY,
        EDIT_POLICY,
        add={"tag": "tag:db"},
        change={"comment": "Servers."},
        verbs={"delete": Does(EDIT_POLICY, bulk=True)},
    ),
    *_read_only(
        VIEW_POLICY, "acl.groupmember", "acl.policyversion", "acl.policytest", "acl.policytrial", "acl.policyclock",
        "acl.policyboundary", "acl.autoapprover", "acl.autoapproval", "acl.nodeattribute",
    ),
)  # fmt: skip

PEOPLE = (
    Model(
        "sessions_app.user",
        "users.view",
        "users.manage",
        add={"login": "new@example.com", "role": "member", "password": "correct-horse-battery"},
        change={"display_name": "Ana B."},
        verbs={
            "link": Does("users.manage"),
            "sign_out": Does("users.manage", row="auditor"),
            "password": Does("users.manage", body={"password": "staple-of-a-horse"}),
            "enable": Does("users.manage", bulk=True, given={"is_active": False}),
            "disable": Does("users.manage", bulk=True),
            "delete": Does("users.manage", body={"nodes": "delete"}, row="spare_user"),
        },
    ),
    Model(
        "sessions_app.authkey",
        "keys.view",
        verbs={"revoke": Does("keys.manage", bulk=True)},
        leads_on="keys.manage",
    ),
    *_read_only("keys.view", "sessions_app.authkeyuse", "sessions_app.usedchallenge"),
    Model(
        "sessions_app.apitoken",
        "users.view",
        "users.manage",
        add={"name": "another", "lifetime": "7d", "once": "D" * 22},
        verbs={"revoke": Does("users.manage", bulk=True)},
    ),
    Model("sessions_app.passwordlink", "users.view", verbs={"revoke": Does("users.manage", bulk=True)}),
    *_read_only("changes.view", "nodes.change", "sessions_app.auditentry"),
)

MODELS: Final = (*NODES, *NETWORK, *POLICY, *PEOPLE)
WITHOUT_PAGES: Final = ("sessions_app.portalsession",)
"""People see their own at their account."""
ABSENT: Final = (
    "admin/autocomplete/", "admin/jsi18n/", "admin/search/", "admin/r/7/1/", "admin/nodes/node/{node}/history/",
)  # fmt: skip
"""What Django and the theme would serve for any model, past the lists: no field of any form completes by it."""
