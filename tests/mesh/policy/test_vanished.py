"""Documents of policies that name what is not there any more."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest

from mesh.errors import ValidationError
from mesh.policy import (
    Action,
    Assertion,
    Group,
    Host,
    Labels,
    Names,
    NodeAttribute,
    Policy,
    PortRange,
    RouteApprover,
    Rule,
    Selector,
    TagOwner,
    Target,
    parse_selector,
)
from mesh.policy import selectors as s
from mesh.policy.document import PolicyDocumentError, read_policy, selectors_in, with_vanished, write_policy

NAMES = Names({"ana@example.com": 1}, {"web": 1}, tags={"tag:db"})
LABELS = Labels({1: "ana@example.com"}, {1: "web"})
GONE = (s.user(7), s.node(17), s.group("old"), s.host("printer"), s.tag("tag:old"))


def naming(*selectors: Selector) -> Policy:
    return Policy((Rule(0, 1, Action.ACCEPT, selectors, (s.tag("tag:db"), *selectors)),))


@pytest.mark.parametrize("gone", GONE, ids=str)
def test_what_the_policy_in_force_names_in_vain_goes_out_and_comes_in(gone: Selector) -> None:
    policy = naming(gone, s.user(1))
    text = write_policy(policy, LABELS)
    assert read_policy(text, with_vanished(NAMES, policy)).policy == policy


@pytest.mark.parametrize("gone", GONE, ids=str)
def test_nothing_new_can_be_named_that_is_not_there(gone: Selector) -> None:
    text = write_policy(naming(gone), LABELS)
    with pytest.raises(PolicyDocumentError):
        read_policy(text, NAMES)


def test_every_section_may_go_on_to_name_it() -> None:
    owner, attributes = TagOwner("tag:db", GONE[:3]), NodeAttribute(GONE, ("x",))
    approver = RouteApprover(ip_network("10.0.0.0/8"), (s.user(7), s.tag("tag:old")))
    test = Assertion(s.node(17), (Target(s.host("printer"), (PortRange(1, 1),)),))
    owner = replace(owner, owners=(s.user(7), s.group("old"), s.tag("tag:old")))
    policy = Policy((), (), (), (owner,), (approver,), (s.group("old"),), (attributes,), (test,))
    text = write_policy(policy, LABELS)
    assert read_policy(text, with_vanished(NAMES, policy)).policy == policy
    assert set(GONE) <= selectors_in(policy)


def test_a_bound_form_is_for_what_is_gone_alone() -> None:
    """Nodes and users that are there have names, and an id of another installation means somebody else here."""
    assert parse_selector("node#17", replace(NAMES, vanished={s.node(17)})) == s.node(17)
    for text in ("node#1", "user#1", "node#17", "node#", "node#x"):
        with pytest.raises(ValidationError):
            parse_selector(text, NAMES)


def test_what_exists_has_not_vanished() -> None:
    policy = Policy(groups=(Group("ops"),), hosts=(Host("db1", ip_network("10.0.0.1")),))
    policy = replace(policy, rules=naming(s.user(1), s.node(1), s.tag("tag:db"), s.ANY, s.group("ops")).rules)
    assert with_vanished(replace(NAMES, groups={"ops"}), policy).vanished == frozenset()


def test_a_host_that_is_gone_is_not_written_like_a_node() -> None:
    assert '"host:printer"' in write_policy(naming(s.host("printer")), LABELS)
    known = replace(naming(s.host("printer")), hosts=(Host("printer", ip_network("10.0.0.1")),))
    assert '"printer"' in write_policy(known, LABELS)
