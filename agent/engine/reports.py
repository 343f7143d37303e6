"""What heartbeats tell the portal beside that this machine lives, and when it is to be told anew."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from agent.clock import Clock

INTERVAL_SECONDS: Final = 60.0  # the portal evaluates a posture once a minute (agent protocol, "Limits")
_log = logging.getLogger(__name__)


class Report:
    """One member of heartbeats: told after each start, and whenever it differs from what was accepted last.

    One heartbeat at a time is under way with it. ``read`` looks anew, so that a report that had to wait tells the
    latest facts; what it finds empty is not told. ``lasts``: seconds after which what was accepted is told again;
    ``every``: the least seconds between two.
    """

    def __init__(
        self,
        member: str,
        clock: Clock,
        read: Callable[[], dict[str, Any]],
        *,
        lasts: float = float("inf"),
        every: float = INTERVAL_SECONDS,
    ) -> None:
        self.member = member
        self._clock = clock
        self._read = read
        self._lasts = lasts
        self._every = every
        self._settled: dict[str, Any] | None = None
        self._under_way: dict[str, Any] | None = None
        self._sent_at = float("-inf")
        self._not_before = float("-inf")

    def take(self) -> dict[str, Any]:
        """The member for the next heartbeat, or none. What was under way before counts as lost."""
        self._under_way = None
        now = self._clock.boot()
        if now < self._not_before:
            return {}
        facts = self._read()
        if not facts or (facts == self._settled and now - self._sent_at < self._lasts):
            return {}
        self._under_way = facts
        self._sent_at = now
        self._not_before = now + self._every
        return {self.member: facts}

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
        self._under_way = self._settled = None
        self._not_before = self._clock.boot() + (INTERVAL_SECONDS if seconds is None else max(seconds, 1.0))
        return True

    def refused(self, reason: str) -> bool:
        """The portal will never take this one: it is not repeated, until it differs. Returns as ``put_off``."""
        if self._under_way is None:
            return False
        _log.warning("the portal refused %s of this machine: %s", self.member, reason)
        self._settled, self._under_way = self._under_way, None
        return True

    def hurry(self) -> None:
        """There is news that is worth telling before its time."""
        self._not_before = float("-inf")

    def forget(self) -> None:
        """The portal may have lost what it was told."""
        self._settled = None


class Reports:
    """All that heartbeats tell. They travel together, and are refused together."""

    def __init__(self, reports: Sequence[Report]) -> None:
        self._reports = tuple(reports)

    def take(self) -> dict[str, Any]:
        """The members for the next heartbeat."""
        return {name: facts for report in self._reports for name, facts in report.take().items()}

    def accepted(self) -> None:
        """A heartbeat was answered."""
        for report in self._reports:
            report.accepted()

    def put_off(self, seconds: float | None) -> bool:
        """Not now: again after ``seconds``. Returns whether anything was under way."""
        outcomes = [report.put_off(seconds) for report in self._reports]  # each of them, so not any() alone
        return any(outcomes)

    def refused(self, fields: Collection[str], reason: str) -> bool:
        """The portal will never take the members that ``fields`` name (``posture.os``); the others are told again.

        Returns whether one of them was under way.
        """
        named = {field.partition(".")[0] for field in fields}
        outcomes = [report.refused(reason) for report in self._reports if report.member in named]
        if any(outcomes):
            self.put_off(1.0)
        return any(outcomes)

    def forget(self) -> None:
        """The portal may have lost what it was told."""
        for report in self._reports:
            report.forget()
