"""Smooths the latencies that a node's agent measured, and chooses its home relay region from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

# A new home must be this much better, so that two regions of like distance do not take turns.
HYSTERESIS_MS: Final = 10.0
HYSTERESIS_SHARE: Final = 0.2
# What the latest measurement weighs: a step of 40 ms is half followed after three reports, one outlier by a quarter.
WEIGHT: Final = 0.25
# Closer than this to the latest measurement it is that one: so that a steady latency ends up as it is reported.
NEAR_MS: Final = 2.0


def smooth(before: Mapping[int, float], measured: Mapping[int, float]) -> dict[int, float]:
    """Latencies (ms by region id) after another report: an exponentially weighted moving average of all so far.

    A region that was not measured before counts as measured, one that is measured no more is left out.
    """
    return {region: _step(before.get(region, ms), ms) for region, ms in measured.items()}


def _step(before: float, ms: float) -> float:
    moved = round(before + WEIGHT * (ms - before), 1)
    return ms if abs(ms - moved) < NEAR_MS else moved


def choose_home(latencies: Mapping[int, float], *, known: Collection[int], current: int | None = None) -> int | None:
    """The region id with the lowest latency (ms) among the ``known`` ones, or None if none was measured.

    Stays at ``current`` unless another region is better by 10 ms and by a fifth.
    """
    measured = {region: ms for region, ms in latencies.items() if region in known}
    if not measured:
        return current if current in known else None
    best = min(measured, key=lambda region: (measured[region], region))
    if current in measured and current != best:
        gain = measured[current] - measured[best]
        if gain < HYSTERESIS_MS or gain < measured[current] * HYSTERESIS_SHARE:
            return current
    return best
