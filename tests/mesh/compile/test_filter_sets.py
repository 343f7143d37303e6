"""Sets of packet filters: what selectors and conditions put into them."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from mesh.policy import selectors as s
from tests.mesh.compile.filtering import (
    DB,
    LINUX,
    TO_DB,
    compiled,
    only_set,
    wire_set,
)
from tests.mesh.compile.rules import accept, deny


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (s.user(7), wire_set(users=[7])),
        (s.group("ops"), wire_set(users=[7, 8])),
        (s.tag("tag:gate"), wire_set(tags=["tag:gate"])),
        (s.node(3), wire_set(ids=[[3, 3]])),
        (s.TAGGED, wire_set(tags=["tag:db", "tag:gate"])),
        (s.MEMBER, wire_set(users=[7, 8, 9], ids=[[6, 6]])),
        (s.ANY, wire_set(prefixes=["10.1.0.0/24", "10.9.0.0/24", "fd00::/64"])),
    ],
)
def test_sets_say_what_selectors_do(selector: Any, expected: dict[str, Any]) -> None:
    assert only_set(accept((selector,), TO_DB)) == expected


def test_addresses_need_no_set() -> None:
    engine = compiled(accept((s.host("lan"), s.prefix(ip_network("fd00::3/128"))), TO_DB))
    rules, names = engine.filter_of(DB.id)
    assert (rules[0]["sources"], names) == (["10.9.0.128/25", "fd00::3/128"], ())


@pytest.mark.parametrize(
    ("selector", "accepted", "denied"),
    [
        (s.MEMBER, wire_set(ids=[[3, 3]]), wire_set(ids=[[3, 4], [6, 6]])),
        (s.group("ops"), wire_set(ids=[[3, 3]]), wire_set(ids=[[3, 4]])),
        (s.ANY, wire_set(ids=[[3, 3]]), wire_set(ids=[[1, 6]], prefixes=["10.9.0.0/24"])),
        (s.prefix(ip_network("10.1.0.0/29")), wire_set(prefixes=["10.1.0.3/32"]), None),
        (s.prefix(ip_network("10.9.0.0/16")), wire_set(), wire_set(prefixes=["10.9.0.0/24"])),
    ],
)
def test_under_conditions_a_set_has_those_that_meet_them(
    selector: Any, accepted: dict[str, Any], denied: dict[str, Any] | None
) -> None:
    assert only_set(accept((selector,), TO_DB, conditions=LINUX)) == accepted
    if denied is not None:
        engine = compiled(deny((selector,), TO_DB, conditions=LINUX), accept((s.user(7),), TO_DB))
        name = engine.filter_of(DB.id)[0][0]["sources"][0].removeprefix("set:")
        assert engine.set_of(name) == denied


def test_a_set_that_no_filter_uses_is_not_there() -> None:
    with pytest.raises(KeyError):
        compiled().set_of("nothing")
