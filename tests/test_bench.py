"""The page of ``make bench``. The figures themselves are no business of the suite."""

from __future__ import annotations

import pytest

from bench.__main__ import MODULES, main
from bench.page import page, share_used


@pytest.mark.parametrize(
    ("figure", "budget", "met", "share"),
    [
        ("0.25 ms", "1 ms", True, 0.25),
        ("2.00 ms, worst 9", "1 ms", False, 2.0),
        ("300/s", "over 150/s", True, 0.5),
        ("75/s", "over 150/s", False, 2.0),
        ("1,000 B", "2,000 B", True, 0.5),
        ("all", "all", True, None),
        ("0 ms", "1 ms", True, None),
    ],
)
def test_the_share_of_a_budget(figure: str, budget: str, met: bool, share: float | None) -> None:
    assert share_used(figure, budget, met=met) == share


def test_the_page_has_every_row_and_escapes_it() -> None:
    rows = [{"what": "a <b>", "figure": "2 ms", "budget": "1 ms", "met": False}]
    text = page({"python": "3.11", "processors": 2, "benches": {"push": {"at": "now", "seconds": 1, "rows": rows}}})
    assert "a &lt;b&gt;" in text
    assert 'class="over" width="200.0"' in text


def test_an_unknown_bench_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().err
    assert "push" in MODULES
