"""How long to wait before the portal is tried again: 1 to 60 seconds, doubling, jittered.

Source: agent protocol, "WebSocket".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FLOOR_SECONDS: Final = 1.0
CEILING_SECONDS: Final = 60.0
_MAX_DOUBLINGS: Final = 6  # 2^6 = 64 is past the ceiling


@dataclass(slots=True)
class Backoff:
    """Counts failures in a row. ``uniform`` is ``random.uniform`` or a stand-in."""

    uniform: Callable[[float, float], float]
    failures: int = 0

    def next_delay(self, *, at_least: float = 0.0) -> float:
        """Seconds until the next try, for one more failure.

        Drawn evenly between half of the doubled ceiling and the whole of it, so that 50,000 agents that lost one
        portal at the same instant do not return at the same instant. ``at_least`` is what the portal asked for
        (Retry-After); it too is stretched by up to a quarter, for the same reason.
        """
        ceiling = min(CEILING_SECONDS, FLOOR_SECONDS * 2.0 ** min(self.failures + 1, _MAX_DOUBLINGS))
        self.failures += 1
        delay = max(FLOOR_SECONDS, self.uniform(ceiling / 2, ceiling))
        if at_least > delay:
            return self.uniform(at_least, at_least * 1.25)
        return delay

    def reset(self) -> None:
        """Forget the failures: the portal answered."""
        self.failures = 0
