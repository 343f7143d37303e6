"""Charts: lines with gaps, axes at round numbers, and a sentence that says what there is to see."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from coordinator.samples import Series
from portal.overview.charts import HEIGHT, WIDTH, bars, day_chart, path, scale, spark

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def series(online: list[float | None], late: list[float | None] | None = None) -> Series:
    """Of so many minutes."""
    at = tuple(AT + timedelta(minutes=index) for index in range(len(online)))
    values = {"online": tuple(online), "late": tuple(late or [0] * len(online))}
    return Series(60, at, values, None, tuple(None for _ in at))


def test_a_line_goes_from_edge_to_edge() -> None:
    assert path([0, 10], 10, 100) == f"M0.0 100.0 L{WIDTH}.0 0.0"


def test_a_line_breaks_where_nothing_was_measured() -> None:
    assert path([1, 1, None, 1, 1], 1, 10).count("M") == 2


def test_a_single_value_is_still_seen() -> None:
    assert path([None, 5, None], 10, 10) == "M500.0 5.0 L501.0 5.0"


@pytest.mark.parametrize(
    ("most", "top", "lines"),
    [(0, 1, 2), (1, 1, 2), (4, 4, 5), (46, 50, 6), (50, 50, 6), (51, 60, 4), (49_000, 50_000, 6)],
)
def test_axes_end_at_round_numbers(most: float, top: float, lines: int) -> None:
    end, ticks = scale(most)
    assert (end, len(ticks)) == (top, lines)
    assert (ticks[0].y, ticks[-1].y) == (HEIGHT, 0)


def test_late_bars_are_as_high_as_there_is_room() -> None:
    found = bars([0, 2, None, 4], 20)
    assert [(bar.x, bar.height) for bar in found] == [(250, 10), (750, 20)]


def test_a_small_line_of_equal_values_lies_in_the_middle() -> None:
    assert spark([5, 5]) == "M0.0 14.0 L1000.0 14.0"
    assert spark([None, None]) == ""


def test_the_finding_names_fewest_most_and_now() -> None:
    said = day_chart(series([40, 28, 42], [0, 3, 0]), marks=[], words="the last hour").finding
    assert said == (
        "Between 28 and 42 nodes were online in the last hour, the fewest at 2026-03-02 12:01 UTC; 42 at the end."
        " At most 3 were late at once."
    )


def test_nothing_measured_is_said_and_not_drawn() -> None:
    chart = day_chart(series([None, None]), marks=[], words="the last hour")
    assert chart.is_empty
    assert "Nothing was measured" in chart.finding


def test_words_of_a_late_mark_stand_to_its_left() -> None:
    marks = [(AT, "Policy 1", ""), (AT + timedelta(minutes=10), "Policy 2", "")]
    found = day_chart(series([1] * 10), marks=marks, words="x").marks
    assert [(mark.percent, mark.left) for mark in found] == [("0.00%", False), ("100.00%", True)]
