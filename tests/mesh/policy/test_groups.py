"""Circles of groups, named by those alone who hold each other."""

from __future__ import annotations

import pytest

from mesh.errors import ValidationError
from mesh.policy import Group, Names, parse_selector
from mesh.policy.groups import find_cycle


def groups(**nested: str) -> dict[str, Group]:
    return {name: Group(name, groups=frozenset(names)) for name, names in nested.items()}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (groups(a="bz", b="a", z=""), ("a", "b", "a")),
        (groups(a="bz", b="a", z="y", y=""), ("a", "b", "a")),
        (groups(a="b", b="c", c="b"), ("b", "c", "b")),
        (groups(a="bc", b="d", c="d", d=""), ()),
        (groups(a="b", b="", c="d", d="c"), ("c", "d", "c")),
        (groups(a="x"), ()),
    ],
)
def test_dead_ends_are_no_part_of_a_circle(found: dict[str, Group], expected: tuple[str, ...]) -> None:
    assert find_cycle(found) == expected


@pytest.mark.parametrize("text", ["5", "x", ":", "/"])
def test_one_character_is_no_selector(text: str) -> None:
    with pytest.raises(ValidationError):
        parse_selector(text, Names())
