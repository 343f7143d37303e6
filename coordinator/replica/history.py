"""The states just before the latest: what agents that come back, or lag, are told is worked out against them."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from mesh.netmap.state import State
from mesh.steps import Touch

KEPT_STATES: Final = 256
# What states of the past may hold that later ones do not share, in nodes that were replaced: some 3 kB each.
KEPT_WEIGHT: Final = 12_000
# An edit of the policy that the engine follows, and one that it compiles anew: the latter a part of all nodes.
EDIT_WEIGHT: Final = 100
COMPILED_SHARE: Final = 6


class History:
    """States share what did not move. One that moved much holds much of its own, so fewer of those are kept."""

    def __init__(self) -> None:
        self._states: deque[tuple[State, Touch, int]] = deque()
        self._weight = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._states)

    def add(self, state: State, touch: Touch) -> int:
        """Appends the state that ``touch`` led to from the one before; returns the weight of the step."""
        with self._lock:
            weight = weight_of(self._states[-1][0], state, touch) if self._states else 0
            self._states.append((state, touch, weight))
            self._weight += weight
            while len(self._states) > KEPT_STATES or (self._weight > KEPT_WEIGHT and len(self._states) > 1):
                # What the first state holds alone is what the step out of it replaced.
                self._states.popleft()
                self._weight -= self._states[0][2]
            return weight

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
        for state, moved, _ in reversed(history):
            if state.version == version:
                return state, touch
            touch.add(moved)
        return None


def weight_of(before: State, after: State, touch: Touch) -> int:
    """How much a step replaced, in nodes."""
    weight = 1 + len(touch.nodes) + len(touch.users)
    if after.policy.lineage is not before.policy.lineage:
        weight += len(after.topology.nodes) // COMPILED_SHARE
    elif touch.policy:
        weight += EDIT_WEIGHT
    return weight
