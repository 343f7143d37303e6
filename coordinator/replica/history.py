"""The states just before the latest: what agents that come back, or lag, are told is worked out against them."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from mesh.netmap.state import State
from mesh.steps import Touch

KEPT_STATES: Final = 256
# What states of the past may hold that later ones do not share, as far as it can be told from what moved.
KEPT_WEIGHT: Final = 20_000
POLICY_WEIGHT: Final = 1_000


class History:
    """States share what did not move. One that moved much holds much of its own, so fewer of those are kept."""

    def __init__(self) -> None:
        self._states: deque[tuple[State, Touch]] = deque()
        self._weight = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._states)

    def add(self, state: State, touch: Touch) -> None:
        """Appends the state that ``touch`` led to."""
        with self._lock:
            self._states.append((state, touch))
            self._weight += weight_of(touch)
            while len(self._states) > KEPT_STATES or (self._weight > KEPT_WEIGHT and len(self._states) > 1):
                # The step into a state is what parts it from the one before, which goes.
                self._states.popleft()
                self._weight -= weight_of(self._states[0][1])

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._states.clear()
            self._weight = 0

    def since(self, version: int) -> tuple[State, Touch] | None:
        """The state at ``version`` and what was concerned since then; None if it is not there."""
        with self._lock:
            history = list(self._states)
        touch = Touch()
        for state, moved in reversed(history):
            if state.version == version:
                return state, touch
            touch.add(moved)
        return None


def weight_of(touch: Touch) -> int:
    """How much a step replaced, in nodes."""
    return 1 + len(touch.nodes) + len(touch.users) + POLICY_WEIGHT * (touch.policy or touch.network)
