"""Policies as documents, in and out."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.hujson import HuJsonError
from mesh.policy import (
    Action,
    Assertion,
    Host,
    Labels,
    Names,
    NodeAttribute,
    Policy,
    PortRange,
    RouteApprover,
    TagOwner,
    Target,
    renumber,
)
from mesh.policy import selectors as s
from mesh.policy.document import PolicyDocumentError, read_policy, write_policy
from tests.mesh.policy.documents import NAMES, acl, problems, read
from tests.mesh.policy.profile import thorough
from tests.mesh.policy.strategies import TAGS, USERS, policies

LABELS = Labels({1: "ana@example.com", 2: "bob@example.com", 3: "root"}, {n: f"n{n}" for n in range(1, 6)})


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
