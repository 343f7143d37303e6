"""What the portal was told of this machine's posture, and when it is to be told anew."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from agent.clock import Clock
from agent.facts import posture_facts

INTERVAL_SECONDS: Final = 60.0  # the portal evaluates a posture once a minute (agent protocol, "Limits")
_log = logging.getLogger(__name__)


class PostureReport:
    """Puts the posture into heartbeats: after each start, and whenever it differs from what was accepted last.

    One heartbeat at a time is under way with it. ``read`` looks at the machine anew, so that a report that had to wait
    tells the latest facts.
    """

    def __init__(self, clock: Clock, read: Callable[[], dict[str, Any]] = posture_facts) -> None:
        self._clock = clock
        self._read = read
        self._settled: dict[str, Any] | None = None
        self._under_way: dict[str, Any] | None = None
        self._not_before = float("-inf")

    def take(self) -> dict[str, Any]:
        """The members for the next heartbeat: ``posture``, or none. What was under way before counts as lost."""
        self._under_way = None
        if self._clock.boot() < self._not_before:
            return {}
        posture = self._read()
        if posture == self._settled:
            return {}
        self._under_way = posture
        self._not_before = self._clock.boot() + INTERVAL_SECONDS
        return {"posture": posture}

    def accepted(self) -> None:
        """A heartbeat was answered: what was under way has arrived."""
        if self._under_way is not None:
            self._settled, self._under_way = self._under_way, None

    def put_off(self, seconds: float | None) -> bool:
        """The portal did not take it now: it is told again after ``seconds`` (None: an interval) at the earliest.

        Returns whether anything was under way.
        """
        if self._under_way is None:
            return False
        self._under_way = None
        self._not_before = self._clock.boot() + (INTERVAL_SECONDS if seconds is None else max(seconds, 1.0))
        return True

    def refused(self, reason: str) -> bool:
        """The portal will never take this one: it is not repeated, until it differs. Returns as ``put_off``."""
        if self._under_way is None:
            return False
        _log.warning("the portal refused this machine's posture: %s", reason)
        self._settled, self._under_way = self._under_way, None
        return True

    def forget(self) -> None:
        """The portal may have lost what it was told."""
        self._settled = None
