"""Chooses a node's home relay region from the latencies that its agent measured."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

# A new home must be this much better, so that two regions of like distance do not take turns.
HYSTERESIS_MS: Final = 10.0
HYSTERESIS_SHARE: Final = 0.2


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
