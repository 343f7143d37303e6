"""``make first-ping`` without its machines: what it reads off README, and how it tells what it measured."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from portal.enrolment import join_command
from tests.firstping.run import table
from tests.firstping.story import HOME, READY, server_line, starts_of


def test_readme_says_one_line_for_the_server() -> None:
    line = server_line((HOME / "README.md").read_text(encoding="utf-8"))
    assert line.startswith("apt-get update && ")
    assert line.endswith("git clone REPOSITORY ghostwire && make -C ghostwire run")


def test_a_readme_without_the_line_is_no_readme() -> None:
    with pytest.raises(ValueError, match="unpack"):
        server_line("```\nmake run\n```")


def test_the_line_for_machines_is_known_when_it_is_printed() -> None:
    import re

    assert re.search(READY, f"    {join_command('http://192.0.2.1:8080', 'gwk_1')}")


def test_parts_begin_where_the_output_says_so_and_may_be_left_out() -> None:
    parts = (("first", ""), ("left out", "never said"), ("third", "^go on"))
    said = [(1.0, "begin\n"), (2.0, "go on\n"), (3.0, "go on\n")]
    assert starts_of(parts, began=0.5, said=said) == [("first", 0.5), ("third", 2.0)]


def test_the_table_has_each_part_of_both_runs() -> None:
    cold = SimpleNamespace(times=[("server: apt-get", 20.0), ("alpha: agent", 3.0)], total=23.04, load=0.5)
    warm = SimpleNamespace(times=[("server: apt-get", 9.0)], total=9.0, load=1.5)
    lines = table(cast("Any", cold), cast("Any", warm), "bookworm").splitlines()
    assert [line.split() for line in lines if line.startswith(("server", "alpha", "in all"))] == [
        ["server:", "apt-get", "20.0", "9.0"],
        ["alpha:", "agent", "3.0"],
        ["in", "all", "23.0", "9.0"],
    ]
