"""Documents with something wrong in them: every fault is told, in words, at the place where it stands, and once."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from mesh.errors import ValidationError
from mesh.policy import Assertion, Condition, ConditionKind, Names, PortRange, RouteApprover, Target
from mesh.policy import selectors as s
from mesh.policy.document import PolicyDocumentError, read_policy
from mesh.policy.document.destinations import parse_destination
from mesh.policy.document.postures import parse_assertion

NAMES = Names({"ana@example.com": 1}, {"web": 1}, tags=frozenset({"tag:db"}))
GROUPS = '"groups": {"group:ops": ["ana@example.com"]}'


def told(body: str) -> list[tuple[str, str]]:
    """Path and words of each fault."""
    with pytest.raises(PolicyDocumentError) as refused:
        read_policy("{" + body + "}", NAMES)
    return [(problem.path, problem.message) for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("entry", "path", "words"),
    [
        ('"action": "accept", "src": ["*"]', "acls.0", "dst is missing"),
        ('"action": "accept", "dst": ["*:*"]', "acls.0", "src is missing"),
        ('"src": ["*"], "dst": ["*:*"]', "acls.0", "action is missing: accept or deny"),
        ('"action": "accept", "src": [], "dst": ["*:*"]', "acls.0.src", "at least one selector is needed"),
        ('"action": "accept", "src": ["*"], "dst": []', "acls.0.dst", "at least one selector is needed"),
        (
            '"action": "accept", "src": ["*"], "dst": ["*:*"], "proto": true',
            "acls.0.proto",
            "a protocol is a name or a number 1-255",
        ),
        (
            '"action": "accept", "src": ["*"], "dst": ["*:*"], "proto": [6]',
            "acls.0.proto",
            "a protocol is a name or a number 1-255",
        ),
        (
            '"action": "accept", "src": ["*"], "dst": ["*:*"], "proto": "tcp", "ghostwire": {"protocols": ["udp"]}',
            "acls.0.proto",
            "proto and ghostwire.protocols are two ways to say one thing: keep one",
        ),
        (
            '"action": "accept", "src": ["*"], "dst": ["*:*"], "ghostwire": {"protocols": [true]}',
            "acls.0.ghostwire.protocols.0",
            "a protocol is a name or a number 1-255",
        ),
        (
            '"action": "accept", "src": ["*"], "dst": ["*:*"], "ghostwire": {"protocols": [1.5]}',
            "acls.0.ghostwire.protocols.0",
            "a protocol is a name or a number 1-255",
        ),
        (
            '"action": "accept", "src": ["*"], "dst": ["*:*"], "ghostwire": {"enabled": "yes"}',
            "acls.0.ghostwire.enabled",
            "true or false is needed here",
        ),
    ],
)
def test_faults_of_an_entry(entry: str, path: str, words: str) -> None:
    assert told(f'"acls": [{{{entry}}}]') == [(path, words)]


@pytest.mark.parametrize(
    ("entry", "path", "words"),
    [
        ('"src": ["*"], "ip": ["*"]', "grants.0", "dst is missing"),
        ('"src": ["*"], "dst": ["*"]', "grants.0", "ip is missing"),
        ('"src": ["*"], "dst": ["*"], "ip": []', "grants.0.ip", "a grant names at least one port or protocol"),
        ('"src": [], "dst": ["*"], "ip": ["*"]', "grants.0.src", "at least one selector is needed"),
        ('"src": ["*"], "dst": [], "ip": ["*"]', "grants.0.dst", "at least one selector is needed"),
    ],
)
def test_faults_of_a_grant(entry: str, path: str, words: str) -> None:
    assert told(f'"grants": [{{{entry}}}]') == [(path, words)]


@pytest.mark.parametrize(
    ("test", "path", "words"),
    [
        ('"accept": ["tag:db:22"]', "tests.0", "src is missing"),
        (
            '"src": "*", "accept": ["tag:db:22"]',
            "tests.0.src",
            "a test needs a source of its own: a user, group, tag, node, host or address",
        ),
        (
            '"src": "tag:db", "accept": ["*:22"]',
            "tests.0.accept.0",
            "a test needs a destination of its own: a user, group, tag, node, host or address",
        ),
        ('"src": "tag:db", "accept": ["tag:db:*"]', "tests.0.accept.0", "a test names a port"),
        ('"src": "tag:db", "proto": "tcp", "deny": ["tag:db:*"]', "tests.0.deny.0", "a test names a port"),
        (
            '"src": "tag:db", "proto": false, "accept": ["tag:db:22"]',
            "tests.0.proto",
            "a protocol is a name or a number 1-255",
        ),
        (
            '"src": "tag:db", "proto": [6], "accept": ["tag:db:22"]',
            "tests.0.proto",
            "a protocol is a name or a number 1-255",
        ),
        (
            '"src": "tag:db", "accept": ["tag:db:22"], "srcPostureAttrs": {"disk": []}',
            "tests.0.srcPostureAttrs.disk",
            "a text, a number, true or false is needed here",
        ),
        ('"src": "tag:db"', "tests.0", "a test says what is accepted or denied"),
    ],
)
def test_faults_of_a_test(test: str, path: str, words: str) -> None:
    assert told(f'"tests": [{{{test}}}]') == [(path, words)]


def test_a_protocol_without_ports_is_tested_without_one_and_targets_keep_their_order() -> None:
    document = read_policy(
        f'{{{GROUPS}, "tests": [{{"src": "tag:db", "proto": "icmp", "accept": ["tag:db:*", "group:ops:*"]}}]}}', NAMES
    )
    targets = (Target(s.tag("tag:db"), ()), Target(s.group("ops"), ()))
    assert document.policy.assertions == (Assertion(s.tag("tag:db"), targets, (), 1, ()),)


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        (
            '"tests": [{"src": "tag:db", "accept": ["none:22", "tag:none:22"]}]',
            ["tests.0.accept.0", "tests.0.accept.1"],
        ),
        ('"groups": {"ops": [], "eng": []}', ["groups.ops", "groups.eng"]),
        ('"groups": {"ops": ["nobody@example.com"]}', ["groups.ops"]),
        ('"tagOwners": {"db": [], "web": []}', ["tagOwners.db", "tagOwners.web"]),
        ('"tagOwners": {"db": ["nobody@example.com"]}', ["tagOwners.db"]),
        ('"autoApprovers": {"routes": {"x": [], "y": []}}', ["autoApprovers.routes.x", "autoApprovers.routes.y"]),
        ('"unheard": 1, "tagOwners": {"db": []}', ["unheard"]),
    ],
)
def test_all_faults_are_told_and_none_that_follow_from_others(body: str, paths: list[str]) -> None:
    assert [path for path, _ in told(body)] == paths


def test_a_circle_of_groups_is_told_at_its_first() -> None:
    (problem,) = told('"groups": {"group:z": [], "group:b": ["group:a"], "group:a": ["group:b"]}')
    assert problem == ("groups.group:a", "groups hold each other in a circle: a → b → a")


def test_the_error_as_a_whole_leads_to_the_first_fault() -> None:
    with pytest.raises(PolicyDocumentError) as one:
        read_policy('{\n "tagOwners": {"db": []}}', NAMES)
    assert one.value.detail == "line 2, column 16: “db”: tags are named tag:NAME"
    assert (one.value.line, one.value.column) == (2, 16)
    with pytest.raises(PolicyDocumentError) as two:
        read_policy('{"tagOwners": {"db": [],\n "web": []}}', NAMES)
    assert two.value.detail == "line 1, column 16: “db”: tags are named tag:NAME (and 1 more)"


def test_administrators_need_no_mention_and_others_behind_them_count() -> None:
    document = read_policy(f'{{{GROUPS}, "tagOwners": {{"tag:x": ["autogroup:admin", "group:ops"]}}}}', NAMES)
    assert document.policy.tag_owners[0].owners == (s.group("ops"),)
    assert len(document.warnings) == 1


def test_approvers_stay_in_their_order() -> None:
    document = read_policy('{"autoApprovers": {"routes": {"10.2.0.0/16": ["tag:db"], "10.1.0.0/16": []}}}', NAMES)
    assert document.policy.route_approvers == (
        RouteApprover(ip_network("10.2.0.0/16"), (s.tag("tag:db"),)),
        RouteApprover(ip_network("10.1.0.0/16"), ()),
    )


def test_what_only_denies_is_believed_where_one_entry_is_ours() -> None:
    deny: str = '{"action": "deny", "src": ["*"], "dst": ["*:*"]%s}'
    ours = deny % ', "ghostwire": {"name": "closed"}'
    assert len(read_policy(f'{{"acls": [{deny % ""}, {ours}]}}', NAMES).policy.rules) == 2
    assert "would allow nothing at all" in told(f'"acls": [{deny % ""}, {deny % ""}]')[0][1]


@pytest.mark.parametrize("text", ["web", "tag:db", "*", "user:ana@example.com"])
def test_a_destination_without_ports_says_how_to_write_them(text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        parse_destination(text, NAMES)
    if text.startswith("user:"):  # behind its last colon stands what can only be meant as ports
        assert refused.value.detail.startswith("“user:ana@example.com” has no ports")
    else:
        assert refused.value.detail == f"“{text}” has no ports; write {text}:* for any, or {text}:22,80-90"


def test_a_destination_with_bad_ports_says_what_is_wrong_with_them() -> None:
    with pytest.raises(ValidationError) as refused:
        parse_destination("tag:db:ssh-2", NAMES)
    assert "has no ports" not in refused.value.detail
    assert parse_destination("tag:db:22", NAMES) == (s.tag("tag:db"), (PortRange(22, 22),))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("custom:disk ==true", Condition(ConditionKind.ATTRIBUTE_EQUALS, (True,), "disk")),
        ("custom:tier == ''", Condition(ConditionKind.ATTRIBUTE_EQUALS, ("",), "tier")),
        ("custom:tier in['a']", Condition(ConditionKind.ATTRIBUTE_IN, ("a",), "tier")),
        ("node:agentVersion >='1.2'", Condition(ConditionKind.VERSION_AT_LEAST, ("1.2",))),
    ],
)
def test_assertions_need_no_blanks(text: str, expected: Condition) -> None:
    assert parse_assertion(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "node:os >= 'linux'",
        "node:agentVersion == '1.2'",
        "custom:tier IN ['a'",
        "custom:tier IN 'a']",
        "custom:tier == '",
        "custom:tier == 'red",
        "custom:tier == null",
        "custom:tier == red",
    ],
)
def test_assertions_that_say_nothing_known_are_refused(text: str) -> None:
    with pytest.raises(ValidationError, match=r"not supported|not a text in quotes"):
        parse_assertion(text)


@pytest.mark.parametrize("text", ["custom:tier IN ['a'", "custom:tier IN 'a']", "custom:tier IN"])
def test_a_list_needs_both_brackets(text: str) -> None:
    with pytest.raises(ValidationError, match="assertions compare with"):
        parse_assertion(text)


def test_an_empty_posture_is_refused() -> None:
    assert told('"postures": {"posture:x": []}') == [("postures.posture:x", "a posture asserts something")]


def test_a_posture_that_is_wrong_is_told_once() -> None:
    (problem,) = told('"postures": {"posture:x": ["node:os >= 1"]}')
    assert problem[0] == "postures.posture:x.0"
