"""As much as is allowed passes, and one more does not: the figures stand here in full, as administrators know them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest

from mesh.errors import ValidationError
from mesh.hujson import HuJsonError, parse
from mesh.policy import Action, Assertion, Names, Policy, PortRange, Rule, Target, check_rule, parse_ports
from mesh.policy import selectors as s
from mesh.policy.conditions import conditions_from_json
from mesh.policy.document import PolicyDocumentError, read_policy
from mesh.policy.limits import MAX_CLASSES
from mesh.policy.policy import check_policy
from mesh.policy.schedule import parse_instant, schedule_from_json
from mesh.policy.selectors import is_name, parse_selectors

RULE = Rule(1, 1, Action.ACCEPT, (s.ANY,), (s.ANY,))
NOBODY = Names({}, {})
OS = {"os": ["linux"]}


def faults(rule: Rule) -> list[str]:
    return [error.field for error in check_rule(rule)]


def test_policy_classes() -> None:
    assert MAX_CLASSES == 8_192


def test_rules_of_a_policy() -> None:
    rules = tuple(replace(RULE, id=number, position=number) for number in range(10_001))
    assert check_policy(Policy(rules[:10_000])) == ()
    assert [error.field for error in check_policy(Policy(rules))] == ["rules"]


def test_tests_of_a_policy() -> None:
    one = Assertion(s.user(1), (Target(s.tag("tag:x"), (PortRange(22, 22),)),), ())
    assert check_policy(Policy(assertions=(one,) * 1_000)) == ()
    assert [error.field for error in check_policy(Policy(assertions=(one,) * 1_001))] == ["tests"]


def test_tests_of_a_document() -> None:
    one = '{"src": "10.0.0.1", "accept": ["10.0.0.2:22"]}'
    assert len(read_policy(f'{{"tests": [{",".join([one] * 1_000)}]}}', NOBODY).policy.assertions) == 1_000
    with pytest.raises(PolicyDocumentError, match="at most 1000 tests"):
        read_policy(f'{{"tests": [{",".join([one] * 1_001)}]}}', NOBODY)


def test_selectors_of_one_side() -> None:
    many = tuple(s.user(number) for number in range(1_001))
    assert faults(replace(RULE, sources=many[:1_000], destinations=many[:1_000])) == []
    assert faults(replace(RULE, sources=many, destinations=many)) == ["sources", "destinations"]
    written = [f"10.0.{number >> 8}.{number & 255}" for number in range(1_002)]
    assert len(parse_selectors(written[:1_000], NOBODY, field_name="sources")) == 1_000
    with pytest.raises(ValidationError) as refused:
        parse_selectors(written, NOBODY, field_name="sources")
    assert [error.message for error in refused.value.errors] == ["at most 1000 selectors"]


def test_members_of_a_group_in_a_document() -> None:
    written = ",".join('"a@b.example"' for _ in range(50_000))
    names = Names({"a@b.example": 1}, {})
    assert read_policy(f'{{"groups": {{"group:all": [{written}]}}}}', names).policy.groups[0].users == {1}
    with pytest.raises(PolicyDocumentError, match="at most 50000 members"):
        read_policy(f'{{"groups": {{"group:all": [{written},"a@b.example"]}}}}', names)


def test_port_ranges() -> None:
    ranges = tuple(PortRange(number * 2, number * 2) for number in range(257))
    assert faults(replace(RULE, ports=ranges[:256])) == []
    assert faults(replace(RULE, ports=ranges)) == ["ports"]
    assert len(parse_ports(",".join(str(number * 2) for number in range(256)))) == 256
    with pytest.raises(ValidationError, match="at most 256 port ranges"):
        parse_ports(",".join(str(number * 2) for number in range(257)))


def test_conditions_and_their_values() -> None:
    assert len(conditions_from_json([OS] * 64)) == 64
    with pytest.raises(ValidationError, match="at most 64 conditions"):
        conditions_from_json([OS] * 65)
    conditions = conditions_from_json([OS] * 64)
    assert faults(replace(RULE, conditions=conditions)) == []
    assert faults(replace(RULE, conditions=(*conditions, conditions[0]))) == ["conditions"]
    values = [f"v{number}" for number in range(257)]
    (condition,) = conditions_from_json([{"attribute": "a", "in": values[:256]}])
    assert len(condition.values) == 256
    with pytest.raises(ValidationError, match="1 to 256 values"):
        conditions_from_json([{"attribute": "a", "in": values}])


def test_texts() -> None:
    assert faults(replace(RULE, name="n" * 100, comment="c" * 1_024)) == []
    assert faults(replace(RULE, name="n" * 101, comment="c" * 1_025)) == ["name", "comment"]
    assert conditions_from_json([{"attribute": "a", "equals": "x" * 1_024}])
    with pytest.raises(ValidationError):
        conditions_from_json([{"attribute": "a", "equals": "x" * 1_025}])
    assert conditions_from_json([{"attribute": "a" * 1_024, "exists": True}])
    with pytest.raises(ValidationError):
        conditions_from_json([{"attribute": "a" * 1_025, "exists": True}])


def test_names() -> None:
    assert is_name("n" * 63)
    assert not is_name("n" * 64)
    assert is_name("n")
    assert not is_name("")


def test_documents() -> None:
    with pytest.raises(HuJsonError, match="larger than 2097152 bytes"):
        parse("{" + " " * (2 * 1024 * 1024 - 1) + "}")
    assert parse("{" + " " * (2 * 1024 * 1024 - 2) + "}").root.plain() == {}


def test_faults_that_are_told_of_one_document() -> None:
    for count in (100, 101):
        entries = ",".join(f'"bad{number}": []' for number in range(count))
        with pytest.raises(PolicyDocumentError) as refused:
            read_policy(f'{{"tagOwners": {{{entries}}}}}', NOBODY)
        assert len(refused.value.problems) == 100


def test_names_of_time_zones_and_instants() -> None:
    with pytest.raises(ValidationError, match="there is no time zone"):
        schedule_from_json({"start": "08:00", "end": "09:00", "timezone": "A" * 65})
    assert parse_instant("2026-01-31T18:00:00.123456+00:00") is not None
    with pytest.raises(ValidationError):
        parse_instant("2026-01-31T18:00:00.123456+00:00:00.123456789")


def test_an_ipv4_address_written_as_ipv6_is_refused_and_its_neighbours_are_not() -> None:
    for text in ("::ffff:10.0.0.1", "::ffff:0:0/96"):
        with pytest.raises(ValidationError, match="IPv6-mapped"):
            s.parse_prefix(text)
    assert s.parse_prefix("::fffe:0:0/95") == ip_network("::fffe:0:0/95")
