"""What documents say entry by entry: rules, grants, services, sides and postures."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from mesh.errors import ValidationError
from mesh.hujson import format_value
from mesh.policy import (
    Action,
    Condition,
    ConditionKind,
    Group,
    Host,
    NodeAttribute,
    PortRange,
    RouteApprover,
    Rule,
    Schedule,
    TagOwner,
    Target,
)
from mesh.policy import selectors as s
from mesh.policy.document.destinations import parse_destination
from mesh.policy.document.entries import parse_service
from mesh.policy.document.postures import parse_assertion
from tests.mesh.policy.documents import NAMES, acl, read, rules


def test_an_entry_is_read_as_a_rule() -> None:
    (found,) = acl(src=["ana@example.com", "group:ops"], dst=["tag:db:5432", "db1:5432"], proto="tcp")
    port = (PortRange(5432, 5432),)
    assert found == Rule(0, 1, Action.ACCEPT, (s.user(1), s.group("ops")), (s.tag("tag:db"), s.host("db1")), (6,), port)


def test_destinations_with_other_ports_make_rules_of_their_own() -> None:
    found = acl(dst=["tag:db:22", "db1:80,443", "group:ops:22"], proto="tcp")
    assert [(rule.position, rule.destinations) for rule in found] == [
        (1, (s.tag("tag:db"), s.group("ops"))),
        (2, (s.host("db1"),)),
    ]
    assert found[1].ports == (PortRange(80, 80), PortRange(443, 443))


def test_acls_come_before_grants_and_may_deny() -> None:
    found = rules(
        '"grants": [{"src": ["*"], "dst": ["tag:db"], "ip": ["22"]}],'
        '"acls": [{"action": "deny", "src": ["*"], "dst": ["tag:db:22"]}]'
    )
    assert [rule.action for rule in found] == [Action.DENY, Action.ACCEPT]


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        (["*"], [((), ())]),
        (["22", "80-90"], [((), (PortRange(22, 22), PortRange(80, 90)))]),
        (["tcp:443", "udp:53"], [((6,), (PortRange(443, 443),)), ((17,), (PortRange(53, 53),))]),
        (["icmp:*", "47:*"], [((1,), ()), ((47,), ())]),
        (["tcp:22", "tcp:*"], [((6,), ())]),
        (["22", "*"], [((), ())]),
        (["6:22"], [((6,), (PortRange(22, 22),))]),
    ],
)
def test_a_grant_names_services(ip: list[str], expected: list[object]) -> None:
    entry = format_value({"src": ["ana@example.com"], "dst": ["tag:db", "db1"], "ip": ip})
    found = rules(f'"grants": [{entry}]')
    assert [(rule.protocols, rule.ports) for rule in found] == expected
    assert all(rule.destinations == (s.tag("tag:db"), s.host("db1")) for rule in found)


@pytest.mark.parametrize("text", ["icmp:22", "tcp", "tcp:ssh", "http:80", "", ":", "tcp:", "22:tcp"])
def test_other_services_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        parse_service(text)


@pytest.mark.parametrize(
    ("text", "selector", "ports"),
    [
        ("*:*", s.ANY, ()),
        ("tag:used:22,80-90", s.tag("tag:used"), (PortRange(22, 22), PortRange(80, 90))),
        ("ana@example.com:*", s.user(1), ()),
        ("autogroup:self:22", s.SELF, (PortRange(22, 22),)),
        ("10.0.0.0/8:443", s.prefix(ip_network("10.0.0.0/8")), (PortRange(443, 443),)),
        ("[fd00::1]:22", s.prefix(ip_network("fd00::1/128")), (PortRange(22, 22),)),
        ("[fd00::/64]:*", s.prefix(ip_network("fd00::/64")), ()),
        ("[fd00::]/64:*", s.prefix(ip_network("fd00::/64")), ()),
        ("fd00::1:22", s.prefix(ip_network("fd00::1/128")), (PortRange(22, 22),)),
        ("fd00::/64:22", s.prefix(ip_network("fd00::/64")), (PortRange(22, 22),)),
    ],
)
def test_destinations_carry_ports(text: str, selector: s.Selector, ports: tuple[PortRange, ...]) -> None:
    assert parse_destination(text, NAMES) == (selector, ports)


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "tag:used",
        "autogroup:self",
        "web",
        "10.0.0.1",
        "[fd00::1]",
        "[10.0.0.1]:22",
        "[fd00::1]22:80",
        "tag:used:ssh",
        "",
    ],
)
def test_destinations_without_ports_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        parse_destination(text, NAMES)


def test_protocols_go_by_name_or_number() -> None:
    for proto, expected in (("tcp", (6,)), ("17", (17,)), (1, (1,)), ("", ())):
        (found,) = acl(proto=proto, dst=["*:*"])
        assert found.protocols == expected


def test_what_the_format_cannot_say_stands_under_ghostwire() -> None:
    (found,) = acl(
        ghostwire={
            "name": "office hours",
            "enabled": False,
            "comment": "until the audit",
            "schedule": {"weekdays": ["mon"], "start": "08:00", "end": "18:00", "timezone": "Europe/Berlin"},
            "conditions": [{"os": ["linux"]}],
            "protocols": ["udp", 6],
        }
    )
    assert (found.name, found.enabled, found.comment) == ("office hours", False, "until the audit")
    assert found.schedule == Schedule(frozenset({0}), 480, 1080, "Europe/Berlin")
    assert found.conditions == (Condition(ConditionKind.OS_IN, ("linux",)),)
    assert found.protocols == (6, 17)


def test_the_other_sections_are_read() -> None:
    policy = read(
        """
        "groups": {"group:ops": ["ana@example.com", "group:all"], "group:all": []},
        "tagOwners": {"tag:db": ["group:ops", "tag:used", "autogroup:admin"], "tag:x": ["autogroup:member"]},
        "autoApprovers": {"routes": {"10.0.0.0/8": ["tag:db"]}, "exitNode": ["group:ops"]},
        "nodeAttrs": [{"target": ["tag:db", "*"], "attr": ["backup", "backup"]}],
        "tests": [{"src": "ana@example.com", "proto": "tcp", "accept": ["tag:db:5432"], "deny": ["[fd00::1]:22"],
                   "srcPostureAttrs": {"node:os": "linux"}}],
        "hosts": {"net": "10.0.0.0/24"}, "acls": [],
        """
    )
    assert policy.policy.groups == (Group("ops", frozenset({1}), frozenset({"all"})), Group("all"))
    assert policy.policy.hosts == (Host("net", ip_network("10.0.0.0/24")),)
    assert policy.policy.tag_owners == (
        TagOwner("tag:db", (s.group("ops"), s.tag("tag:used"))),
        TagOwner("tag:x", (s.MEMBER,)),
    )
    assert policy.policy.route_approvers == (RouteApprover(ip_network("10.0.0.0/8"), (s.tag("tag:db"),)),)
    assert policy.policy.exit_approvers == (s.group("ops"),)
    assert policy.policy.node_attributes == (NodeAttribute((s.tag("tag:db"), s.ANY), ("backup",)),)
    (test,) = policy.policy.assertions
    assert (test.source, test.protocol, test.posture) == (s.user(1), 6, (("node:os", "linux"),))
    assert test.accept == (Target(s.tag("tag:db"), (PortRange(5432, 5432),)),)
    assert test.deny[0].destination == s.prefix(ip_network("fd00::1/128"))
    assert len(policy.warnings) == 1
    assert "autogroup:admin" in policy.warnings[0]


def test_a_default_route_under_routes_is_warned_of() -> None:
    found = read('"autoApprovers": {"routes": {"0.0.0.0/0": ["tag:used"], "::/0": ["tag:used"]}}')
    assert len(found.warnings) == 2


def test_postures_become_conditions() -> None:
    body = (
        '"postures": {"posture:a": ["node:os == \'linux\'", "node:agentVersion >= \'1.2\'"],'
        ' "posture:b": ["custom:disk == true"]},'
    )
    entry = '{"action": "accept", "src": ["*"], "dst": ["*:*"], "srcPosture": ["posture:a", "posture:b"]}'
    found = rules(f'{body} "acls": [{entry}]')
    assert [len(rule.conditions) for rule in found] == [2, 1]
    plain = '{"action": "accept", "src": ["*"], "dst": ["*:*"]}'
    (default,) = rules(f'{body} "defaultSrcPosture": ["posture:b"], "acls": [{plain}]')
    assert default.conditions == (Condition(ConditionKind.ATTRIBUTE_EQUALS, (True,), "disk"),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("node:os == 'macos'", Condition(ConditionKind.OS_IN, ("macos",))),
        ("node:os IN ['linux', \"macos\"]", Condition(ConditionKind.OS_IN, ("linux", "macos"))),
        ("node:tsVersion >= '1.40'", Condition(ConditionKind.VERSION_AT_LEAST, ("1.40",))),
        ("custom:tier in ['gold', 2]", Condition(ConditionKind.ATTRIBUTE_IN, ("gold", 2), "tier")),
        ("custom:disk == true", Condition(ConditionKind.ATTRIBUTE_EQUALS, (True,), "disk")),
        ("custom:disk IS SET", Condition(ConditionKind.ATTRIBUTE_EXISTS, (), "disk")),
    ],
)
def test_assertions_of_postures_are_read(text: str, expected: Condition) -> None:
    assert parse_assertion(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "node:os",
        "node:os != 'linux'",
        "node:os IS SET",
        "node:osVersion == '1'",
        "custom:a >= 1",
        "node:os == linux",
        "custom:a NOT IN ['x']",
        "custom:a == null",
        "node:agentVersion >= 'main'",
        "custom:a IN []",
        "os == 'linux'",
    ],
)
def test_other_assertions_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        parse_assertion(text)
