"""When a flow holds: one classification, and what a row of the table makes of it."""

from __future__ import annotations

import pytest
from django.template.loader import render_to_string

from mesh.explain.flows import Flow
from portal.flow_times import when_of
from portal.topology.table import Way


@pytest.mark.parametrize(
    ("flow", "when"),
    [
        (Flow(), ""),
        (Flow(pairs=2), ""),
        (Flow(pairs=2, at_times=True), "times"),
        (Flow(pairs=2, passing=1, later=3), "times"),
        (Flow(later=3), "later"),
        (Flow(pairs=2, later=3), "more"),
        (Flow(pairs=2, growing=1), "more"),
    ],
)
def test_classes(flow: Flow, when: str) -> None:
    assert when_of(flow) == when


@pytest.mark.parametrize(
    ("when", "words", "dashed"),
    [("", "", False), ("times", "at times", True), ("later", "at other times", True),
     ("more", "more at other times", False)],
)  # fmt: skip
def test_rows_say_when(when: str, words: str, dashed: bool) -> None:
    said = render_to_string("portal/topology/way.html", {"way": Way("tcp/22", "tcp/22", "", 0, when)})
    assert ("stroke-dasharray" in said) is dashed
    assert said.endswith(f' <span class="gw-dim">{words}</span></span>\n' if words else "tcp/22</span></span>\n")
