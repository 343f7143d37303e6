"""Policies as documents, in and out."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import ValidationError
from mesh.hujson import HuJsonError, format_value
from mesh.policy import (
    Action,
    Assertion,
    Condition,
    ConditionKind,
    Group,
    Host,
    Labels,
    Names,
    NodeAttribute,
    Policy,
    PortRange,
    RouteApprover,
    Rule,
    Schedule,
    TagOwner,
    Target,
    renumber,
)
from mesh.policy import selectors as s
from mesh.policy.document import PolicyDocument, PolicyDocumentError, read_policy, write_policy
from mesh.policy.document.destinations import parse_destination
from mesh.policy.document.entries import parse_service
from mesh.policy.document.postures import parse_assertion
from tests.mesh.policy.profile import thorough
from tests.mesh.policy.strategies import TAGS, USERS, policies

NAMES = Names(
    {"ana@example.com": 1, "bob@example.com": 2, "root": 3},
    {f"n{n}": n for n in range(1, 6)},
    tags=frozenset({"tag:used"}),
)
LABELS = Labels({1: "ana@example.com", 2: "bob@example.com", 3: "root"}, {n: f"n{n}" for n in range(1, 6)})
HEAD = '"groups": {"group:ops": ["ana@example.com"]}, "hosts": {"db1": "10.0.0.5"}, "tagOwners": {"tag:db": []},'


def read(body: str, names: Names = NAMES) -> PolicyDocument:
    return read_policy("{" + body + "}", names)


def rules(body: str) -> tuple[Rule, ...]:
    return read(f"{HEAD} {body}").policy.rules


def acl(**members: Any) -> tuple[Rule, ...]:
    entry = {"action": "accept", "src": ["*"], "dst": ["*:*"]} | members
    return rules(f'"acls": [{format_value(entry)}]')


def problems(text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(PolicyDocumentError) as caught:
        read_policy(text, NAMES)
    return [(item.line, item.column, item.path) for item in caught.value.problems]


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


ACL = '"action": "accept", "src": ["*"], "dst": ["*:*"]'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{\n  "aclz": []\n}', (2, 3, "aclz")),
        ('{"ssh": []}', (1, 2, "ssh")),
        ("[]", (1, 1, "")),
        ('{"acls": {}}', (1, 10, "acls")),
        ('{"acls": [1]}', (1, 11, "acls.0")),
        ('{"acls": [{}]}', (1, 11, "acls.0")),
        ('{"acls": [{"action": "accept", "src": [], "dst": ["*:*"]}]}', (1, 39, "acls.0.src")),
        ('{"acls": [{"action": "accept", "src": ["*"], "dst": []}]}', (1, 53, "acls.0.dst")),
        ('{"acls": [{"action": "allow", "src": ["*"], "dst": ["*:*"]}]}', (1, 22, "acls.0.action")),
        (f'{{"acls": [{{{ACL}, "users": []}}]}}', (1, 62, "acls.0.users")),
        (f'{{"acls": [{{{ACL}, "proto": "http"}}]}}', (1, 71, "acls.0.proto")),
        (f'{{"acls": [{{{ACL}, "proto": true}}]}}', (1, 71, "acls.0.proto")),
        (f'{{"acls": [{{{ACL}, "srcPosture": ["posture:x"]}}]}}', (1, 77, "acls.0.srcPosture.0")),
        (f'{{"acls": [{{{ACL}, "ghostwire": {{"enabled": 1}}}}]}}', (1, 87, "acls.0.ghostwire.enabled")),
        (f'{{"acls": [{{{ACL}, "ghostwire": {{"colour": 1}}}}]}}', (1, 76, "acls.0.ghostwire.colour")),
        (f'{{"acls": [{{{ACL}, "ghostwire": {{"name": "{"x" * 101}"}}}}]}}', (1, 11, "acls.0")),
        ('{"acls": [{"action": "accept",\n "src": ["*"],\n "dst": ["*:*",\n  "tag:no:22"]}]}', (4, 3, "acls.0.dst.1")),
        ('{"acls": [{"action": "accept", "src": ["tag:used"], "dst": ["autogroup:self:*"]}]}', (1, 40, "acls.0.src.0")),
        ('{"acls": [{"action": "accept", "src": ["autogroup:self"], "dst": ["*:*"]}]}', (1, 40, "acls.0.src.0")),
        ('{"acls": [{"action": "accept", "src": ["*"], "dst": ["*:22"], "proto": "icmp"}]}', (1, 11, "acls.0")),
        ('{"grants": [{"src": ["*"], "dst": ["*"]}]}', (1, 13, "grants.0")),
        ('{"grants": [{"src": ["*"], "dst": ["*"], "ip": []}]}', (1, 48, "grants.0.ip")),
        ('{"grants": [{"src": ["*"], "dst": ["*"], "ip": ["*"], "app": {}}]}', (1, 55, "grants.0.app")),
        ('{"groups": {"ops": []}}', (1, 13, "groups.ops")),
        ('{"groups": {"group:ops": ["tag:used"]}}', (1, 27, "groups.group:ops.0")),
        ('{"groups": {"group:ops": ["eve@example.com"]}}', (1, 27, "groups.group:ops.0")),
        ('{"groups": {"group:a": ["group:a"]}}', (1, 13, "groups.group:a")),
        ('{"hosts": {"a b": "10.0.0.1"}}', (1, 12, "hosts.a b")),
        ('{"hosts": {"a": "10.0.0.1/8"}}', (1, 17, "hosts.a")),
        ('{"tagOwners": {"db": []}}', (1, 16, "tagOwners.db")),
        ('{"tagOwners": {"tag:db": ["10.0.0.1"]}}', (1, 27, "tagOwners.tag:db.0")),
        ('{"autoApprovers": {"routes": {"x": []}}}', (1, 31, "autoApprovers.routes.x")),
        ('{"autoApprovers": {"services": {}}}', (1, 20, "autoApprovers.services")),
        ('{"nodeAttrs": [{"target": ["*"]}]}', (1, 16, "nodeAttrs.0")),
        ('{"nodeAttrs": [{"target": ["autogroup:self"], "attr": []}]}', (1, 28, "nodeAttrs.0.target.0")),
        ('{"postures": {"a": []}}', (1, 15, "postures.a")),
        ('{"postures": {"posture:a": ["node:os != 1"]}}', (1, 29, "postures.posture:a.0")),
        ('{"tests": [{"src": "*", "accept": ["tag:used:1"]}]}', (1, 20, "tests.0.src")),
        ('{"tests": [{"src": "tag:used"}]}', (1, 12, "tests.0")),
        ('{"tests": [{"src": "tag:used", "accept": ["tag:used:*"]}]}', (1, 43, "tests.0.accept.0")),
        ('{"tests": [{"src": "tag:used", "allow": []}]}', (1, 32, "tests.0.allow")),
        ('{"ghostwire": {"format": 2}}', (1, 26, "ghostwire.format")),
        ('{"ACLs": [], "acls": []}', (1, 14, "acls")),
    ],
)
def test_a_fault_is_told_with_line_column_and_path(text: str, expected: tuple[int, int, str]) -> None:
    assert expected in problems(text)


@pytest.mark.parametrize("sides", ['"src": ["*"], "dst": ["tag:no:22"]', '"src": ["tag:no"], "dst": ["*:22"]'])
def test_a_side_whose_only_selector_is_wrong_is_one_fault(sides: str) -> None:
    assert len(problems(f'{{"acls": [{{"action": "accept", {sides}}}]}}')) == 1


def test_both_sides_without_a_selector_are_told() -> None:
    found = problems('{"acls": [{"action": "accept", "src": [], "dst": []}]}')
    assert [path for _, _, path in found] == ["acls.0.src", "acls.0.dst"]


def test_all_faults_are_told_in_the_order_of_the_text() -> None:
    found = problems('{"hosts": {"a": 1, "b": 2},\n "groups": {"x": []}}')
    assert [path for _, _, path in found] == ["hosts.a", "hosts.b", "groups.x"]
    with pytest.raises(PolicyDocumentError) as caught:
        read_policy('{"hosts": {"a": 1, "b": 2}}', NAMES)
    assert [error.field for error in caught.value.errors] == ["hosts.a", "hosts.b"]
    assert "(and 1 more)" in caught.value.detail


@pytest.mark.parametrize("section", ["acls", "groups", "hosts", "tests"])
def test_a_section_of_another_kind_is_one_fault(section: str) -> None:
    assert len(problems(f'{{"{section}": 1}}')) == 1


def test_faults_carry_line_and_column_as_members() -> None:
    with pytest.raises(PolicyDocumentError) as caught:
        read_policy('{\n "aclz": []}', NAMES)
    (error,) = caught.value.errors
    assert (error.field, error.line, error.column) == ("aclz", 2, 2)
    assert error.message.startswith("unknown key")
    with pytest.raises(HuJsonError) as broken:
        read_policy('{"acls": [],\n"acls": []}', NAMES)
    assert [(item.line, item.column) for item in broken.value.errors] == [(2, 1)]


def test_a_likely_key_is_proposed_and_an_unsupported_one_is_called_so() -> None:
    for text, words in (('{"acl": []}', "did you mean acls"), ('{"derpMap": {}}', "not supported here: relay regions")):
        with pytest.raises(PolicyDocumentError, match=words):
            read_policy(text, NAMES)


def test_keys_are_read_whatever_their_case() -> None:
    (found,) = read('"ACLs": [{"Action": "accept", "Src": ["*"], "DST": ["*:*"]}]').policy.rules
    assert found.action is Action.ACCEPT


def test_double_keys_are_refused() -> None:
    with pytest.raises(HuJsonError, match="line 2, column 1"):
        read_policy('{"acls": [],\n"acls": []}', NAMES)


def test_denials_alone_are_taken_for_a_mistake_unless_they_are_meant() -> None:
    deny = '"acls": [{"action": "deny", "src": ["*"], "dst": ["*:*"]}]'
    assert problems("{" + deny + "}") == [(1, 11, "acls.0")]
    assert read(deny + ', "ghostwire": {"format": 1}').policy.rules
    assert read(deny[:-2] + ', "ghostwire": {"name": "closed"}}]').policy.rules
    assert read('"acls": []').policy.rules == ()


def test_groups_hosts_and_tags_must_be_defined_somewhere() -> None:
    assert acl(src=["group:ops", "db1", "tag:db", "tag:used", "user:root"])
    for missing in ("group:none", "none", "tag:none", "user:none", "node:none"):
        with pytest.raises(PolicyDocumentError):
            acl(src=[missing])


def test_comments_of_names_are_kept_under_ghostwire() -> None:
    found = read('"ghostwire": {"comments": {"groups": {"ops": "on call"}, "tags": {"tag:db": "x"}}}')
    assert found.comments == {"groups": {"ops": "on call"}, "tags": {"tag:db": "x"}}
    text = write_policy(Policy(), LABELS, found.comments)
    assert read_policy(text, NAMES).comments == found.comments


@st.composite
def whole_policies(draw: st.DrawFn) -> Policy:
    policy = draw(policies())
    groups = tuple(replace(group, groups=group.groups - {"gone"}) for group in policy.groups)
    hosts = (*policy.hosts, Host("h2", ip_network("fd00::/64")), Host("10.7.7.7", ip_network("10.0.0.0/30")))
    principals = st.lists(
        st.one_of(st.sampled_from(USERS).map(s.user), st.sampled_from(TAGS).map(s.tag), st.just(s.group("g1"))),
        unique=True,
        max_size=2,
    ).map(tuple)
    names = draw(st.lists(st.text(max_size=9).map(lambda text: text.replace("\x00", "")), min_size=6, max_size=6))
    rules = tuple(
        replace(rule, id=0, name=name if name.isprintable() else "", protocols=tuple(sorted(rule.protocols)))
        for rule, name in zip(policy.rules, names, strict=False)
    )
    assertion = Assertion(
        s.user(1),
        (Target(s.tag("tag:a"), (PortRange(22, 22),)),),
        (Target(s.prefix(ip_network("fd00::/124")), (PortRange(1, 9),)),),
    )
    return Policy(
        renumber(rules),
        groups,
        hosts,
        tuple(TagOwner(tag, draw(principals)) for tag in TAGS),
        tuple({RouteApprover(ip_network("10.9.0.0/24"), draw(principals))}),
        draw(principals),
        (NodeAttribute((s.tag("tag:a"), s.ANY), ("x",)),),
        tuple(draw(st.lists(st.just(assertion), max_size=1))),
    )


@thorough
@given(whole_policies())
def test_export_and_import_give_the_same_policy(policy: Policy) -> None:
    labels = Labels({1: "u1@example.com", 2: "u2@example.com", 3: "root"}, LABELS.nodes)
    names = Names({"u1@example.com": 1, "u2@example.com": 2, "root": 3}, NAMES.nodes)
    lost = any(rule.schedule is not None and rule.schedule.timezone == "No/Where" for rule in policy.rules)
    text = write_policy(policy, labels)
    if lost:
        with pytest.raises(PolicyDocumentError, match="No/Where"):
            read_policy(text, names)
        return
    assert read_policy(text, names).policy == policy
    assert write_policy(read_policy(text, names).policy, labels) == text


def test_there_is_an_end_to_rules_and_tests() -> None:
    entry = '{"action":"accept","src":["*"],"dst":["*:*"]}'
    assert len(read(f'"acls": [{",".join([entry] * 10_000)}]').policy.rules) == 10_000
    with pytest.raises(PolicyDocumentError, match="10000 rules"):
        read(f'"acls": [{",".join([entry] * 10_001)}]')
    test = '{"src":"tag:used","deny":["tag:used:1"]}'
    with pytest.raises(PolicyDocumentError, match="1000 tests"):
        read(f'"tests": [{",".join([test] * 1_001)}]')
