"""Tests that share a stack stay on one process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scheduling import GROUPS, group_of

HOME = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("nodeid", "group"),
    [
        ("tests/integration/test_agent_socket.py::test_hello[one process]", "one-process"),
        ("tests/integration/test_agent_socket.py::test_hello[edge-0-x]", "many-processes"),
        ("tests/integration/test_drain.py::test_it", "many-processes"),
        ("tests/integration/test_mesh.py::test_it", "mesh"),
        ("tests/nodes/test_names.py::test_it[1]", "tests/nodes/test_names.py::test_it[1]"),
    ],
)
def test_the_group_of_a_test(nodeid: str, group: str) -> None:
    assert group_of(nodeid) == group


def test_every_group_has_files() -> None:
    for beginning, _ in GROUPS:
        assert list(HOME.glob(f"{beginning}*")), beginning
