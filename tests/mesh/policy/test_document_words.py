"""What a policy looks like as a document: each part in its words, and none left out."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from mesh.policy import (
    Action,
    Assertion,
    Group,
    Host,
    Labels,
    NodeAttribute,
    Policy,
    PortRange,
    RouteApprover,
    Rule,
    TagOwner,
    Target,
)
from mesh.policy import selectors as s
from mesh.policy.document import selectors_in
from mesh.policy.document.write import policy_to_json

LABELS = Labels({1: "zoe@example.com", 2: "ana@example.com", 3: "root"}, {1: "web"})
FORMAT = {"ghostwire": {"format": 1}}


def written(policy: Policy) -> dict[str, Any]:
    return policy_to_json(policy, LABELS)


def only_rule(policy: Policy) -> dict[str, Any]:
    (entry,) = written(policy)["acls"]
    found: dict[str, Any] = entry
    return found


def rule(*destinations: s.Selector, **more: object) -> Rule:
    return Rule(1, 1, Action.ACCEPT, (s.ANY,), destinations, **more)  # type: ignore[arg-type]


def test_an_empty_policy_still_has_its_rules() -> None:
    assert written(Policy()) == {"acls": []} | FORMAT


def test_members_of_groups_are_sorted() -> None:
    groups = (Group("ops", frozenset({1, 2}), frozenset({"z", "b", "m"})),)
    assert (
        written(Policy(groups=groups))
        == {
            "groups": {"group:ops": ["ana@example.com", "zoe@example.com", "group:b", "group:m", "group:z"]},
            "acls": [],
        }
        | FORMAT
    )


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        (s.user(1), "zoe@example.com:22"),
        (s.user(3), "user:root:22"),
        (s.host("db1"), "db1:22"),
        (s.host("10.0.0.9"), "host:10.0.0.9:22"),
        (s.host("gone"), "host:gone:22"),
        (s.node(1), "node:web:22"),
        (s.tag("tag:db"), "tag:db:22"),
        (s.prefix(ip_network("10.0.0.1/32")), "10.0.0.1:22"),
        (s.prefix(ip_network("10.0.0.0/8")), "10.0.0.0/8:22"),
        (s.prefix(ip_network("fd00::1/128")), "[fd00::1]:22"),
        (s.prefix(ip_network("fd00::/64")), "[fd00::/64]:22"),
    ],
)
def test_destinations_are_written_so_that_they_can_be_read_back(selector: s.Selector, text: str) -> None:
    hosts = (Host("db1", ip_network("10.0.0.5/32")), Host("10.0.0.9", ip_network("10.0.0.9/32")))
    policy = Policy((rule(selector, ports=(PortRange(22, 22),)),), hosts=hosts)
    entry = only_rule(policy)
    assert entry["dst"] == [text]


def test_what_only_we_can_say_of_a_rule_stands_by_itself() -> None:
    entry = only_rule(Policy((rule(s.ANY, name="night", comment="for backups", enabled=False),)))
    assert entry == {
        "action": "accept",
        "src": ["*"],
        "dst": ["*:*"],
        "ghostwire": {"name": "night", "enabled": False, "comment": "for backups"},
    }
    plain = only_rule(Policy((rule(s.ANY),)))
    assert "ghostwire" not in plain


def test_tests_say_all_that_they_ask() -> None:
    full = Assertion(
        s.user(1),
        (Target(s.tag("tag:db"), (PortRange(22, 22),)),),
        (Target(s.tag("tag:web"), (PortRange(80, 81),)),),
        6,
        (("disk", True), ("tier", "red")),
    )
    least = Assertion(s.user(3), (Target(s.tag("tag:db"), (PortRange(22, 22),)),), ())
    assert written(Policy(assertions=(full, least)))["tests"] == [
        {
            "src": "zoe@example.com",
            "proto": "tcp",
            "accept": ["tag:db:22"],
            "deny": ["tag:web:80-81"],
            "srcPostureAttrs": {"disk": True, "tier": "red"},
        },
        {"src": "user:root", "accept": ["tag:db:22"]},
    ]


def test_every_selector_of_a_policy_is_found_wherever_it_stands() -> None:
    policy = Policy(
        (Rule(1, 1, Action.ACCEPT, (s.user(1),), (s.tag("tag:a"),)),),
        (Group("g", frozenset(), frozenset({"inner"})),),
        tag_owners=(TagOwner("tag:a", (s.group("owners"),)),),
        route_approvers=(RouteApprover(ip_network("10.0.0.0/8"), (s.tag("tag:router"),)),),
        exit_approvers=(s.tag("tag:exit"),),
        node_attributes=(NodeAttribute((s.node(4),), ("backup",)),),
        assertions=(Assertion(s.user(2), (Target(s.host("h"), ()),), (Target(s.tag("tag:z"), (PortRange(22, 22),)),)),),
    )
    assert selectors_in(policy) == {
        s.user(1),
        s.tag("tag:a"),
        s.group("inner"),
        s.group("owners"),
        s.tag("tag:router"),
        s.tag("tag:exit"),
        s.node(4),
        s.user(2),
        s.host("h"),
        s.tag("tag:z"),
    }
