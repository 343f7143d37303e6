"""Charts as geometry: the server draws them, stylesheets colour them, and a sentence says what they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from coordinator.samples import Series

WIDTH: Final = 1000
"""All charts are so wide in units of their own; the page stretches them."""
HEIGHT: Final = 172
LATE_HEIGHT: Final = 22
SPARK_HEIGHT: Final = 28
Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the chart at ``y``, and its label."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A dashed line at ``x`` with words: beside it to the left where they would leave the chart otherwise."""

    x: float
    percent: str
    words: str
    url: str
    left: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, from below."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class DayChart:
    """How many nodes were online, and late ones as bars on the same axis below. ``finding`` says it in words."""

    line: str
    area: str
    ticks: tuple[Tick, ...]
    late: tuple[Bar, ...]
    labels: tuple[datetime, ...]
    marks: tuple[Mark, ...]
    finding: str
    is_empty: bool


def day_chart(series: Series, *, marks: Sequence[tuple[datetime, str, str]], words: str) -> DayChart:
    """``marks``: instants with words and where they lead; ``words``: the range, as in ``the last 24 hours``."""
    online, late = series.values["online"], series.values["late"]
    known = [value for value in online if value is not None]
    top, ticks = scale(max(known, default=0))
    begin, span = series.at[0], series.step * len(series.at)
    return DayChart(
        line=path(online, top, HEIGHT),
        area=area(online, top, HEIGHT),
        ticks=ticks,
        late=bars(late, LATE_HEIGHT),
        labels=tuple(series.at[index * len(series.at) // 8] for index in range(8)),
        marks=tuple(_mark(at, begin, span, said, url) for at, said, url in marks),
        finding=_finding(series, words),
        is_empty=not known,
    )


def scale(most: float) -> tuple[float, tuple[Tick, ...]]:
    """The upper end of an axis from zero, and four to six lines at round numbers."""
    step = next(size * 10**power for power in range(9) for size in (1, 2, 5) if size * 10**power * 5 >= max(most, 1))
    count = max(1, int(-(-max(most, 1) // step)))
    top = step * count
    return top, tuple(Tick(round(HEIGHT * (1 - index / count), 1), f"{step * index:,}") for index in range(count + 1))


def path(values: Values, top: float, height: float) -> str:
    """An SVG path through what was measured, broken where nothing was."""
    return " ".join(
        ("M" if index == 0 else "L") + f"{x:.1f} {y:.1f}"
        for run in _runs(values, top, height)
        for index, (x, y) in enumerate(run if len(run) > 1 else [run[0], (run[0][0] + 1, run[0][1])])
    )


def area(values: Values, top: float, height: float) -> str:
    """The same with the ground below it."""
    parts = []
    for run in _runs(values, top, height):
        inner = " ".join(f"L{x:.1f} {y:.1f}" for x, y in run)
        parts.append(f"M{run[0][0]:.1f} {height} {inner} L{run[-1][0]:.1f} {height} Z")
    return " ".join(parts)


def bars(values: Values, height: float) -> tuple[Bar, ...]:
    """A bar for each value above zero; the tallest is as high as there is room."""
    top = max((value for value in values if value is not None), default=0)
    width = WIDTH / max(len(values), 1)
    found = []
    for index, value in enumerate(values):
        if value:
            tall = max(height * value / top, 2.0)
            found.append(
                Bar(round(index * width, 1), round(height - tall, 1), round(max(width - 1, 1), 1), round(tall, 1))
            )
    return tuple(found)


def spark(values: Values, *, low: float | None = None, high: float | None = None) -> str:
    """A small line between the lowest and the highest value, or given ends."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    bottom = min(known) if low is None else low
    top = max(known) if high is None else high
    if top <= bottom:
        bottom, top = bottom - 1, top + 1
    # Not to the very edge: a line of 1.5 pixels would be cut.
    moved = [None if value is None else 0.06 + 0.88 * (value - bottom) / (top - bottom) for value in values]
    return path(moved, 1.0, SPARK_HEIGHT)


def _runs(values: Values, top: float, height: float) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = []
    width = WIDTH / max(len(values) - 1, 1)
    before = False
    for index, value in enumerate(values):
        if value is not None:
            if not before:
                runs.append([])
            runs[-1].append((index * width, height * (1 - min(value, top) / top)))
        before = value is not None
    return runs


def _mark(at: datetime, begin: datetime, span: float, words: str, url: str) -> Mark:
    share = min(max((at - begin) / timedelta(seconds=span), 0.0), 1.0)
    return Mark(round(WIDTH * share, 1), f"{100 * share:.2f}%", words, url, share > 0.85)


def _finding(series: Series, words: str) -> str:
    pairs = [(value, at) for value, at in zip(series.values["online"], series.at, strict=True) if value is not None]
    if not pairs:
        return f"Nothing was measured in {words}."
    (least, when), (most, _) = min(pairs), max(pairs)
    if least == most:
        return f"{least:g} nodes were online all through {words}."
    late = max((value for value in series.values["late"] if value is not None), default=0)
    more = f" At most {late:g} were late at once." if late else ""
    return (
        f"Between {least:g} and {most:g} nodes were online in {words}, the fewest at {when:%Y-%m-%d %H:%M} UTC;"
        f" {pairs[-1][0]:g} at the end.{more}"
    )
