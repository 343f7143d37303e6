"""Judges relay servers by the checks of the portal: which of them agents are told of, and which not for now.

A check asks two things, the relay over TLS and STUN (RFC 8489). An answer counts against a server only where some
other server gave that kind of answer in the same round: where none did, it is the portal's own way out that is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

FAILURES_BEFORE_DEAD: Final = 3
SUCCESSES_BEFORE_ALIVE: Final = 3
LONGEST_PAUSE: Final = timedelta(minutes=5)
PAUSE_SHARE: Final = 10
"""Who is dead and has been failing for long is asked more rarely: after a tenth of that time."""
STALE_AFTER: Final = 3
"""A row of failures or successes that was interrupted for longer begins anew: in intervals, or longest pauses."""
MOST_COUNTED: Final = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one check. A fault is a word, None where that part answered, or was not asked (``asks_stun``).

    ``ms``: how long the answer took: STUN's, else that of the TLS handshake. ``unknown_issuer``: the certificate is
    fine but for who issued it, which may be known to agents.
    """

    tls_fault: str | None = None
    stun_fault: str | None = None
    asks_stun: bool = True
    ms: float | None = None
    unknown_issuer: bool = False

    @property
    def fault(self) -> str | None:
        """The first thing that is wrong."""
        return self.tls_fault or self.stun_fault


@dataclass(frozen=True, slots=True)
class Ways:
    """Which kinds of answers came from anybody in a round."""

    tls: bool
    stun: bool

    def verdict(self, answer: Answer) -> bool | None:
        """Whether a server passed, by those parts that can be judged; None if none can."""
        judged = [answer.tls_fault] if self.tls else []
        judged += [answer.stun_fault] if self.stun and answer.asks_stun else []
        return not any(judged) if judged else None


def ways_of(answers: Iterable[Answer]) -> Ways:
    """What a round shows of the portal's own way out."""
    answers = list(answers)
    return Ways(
        tls=any(answer.tls_fault is None for answer in answers),
        stun=any(answer.asks_stun and answer.stun_fault is None for answer in answers),
    )


@dataclass(frozen=True, slots=True)
class Health:
    """How a server did so far. ``alive``: agents are told of it. ``failures`` and ``successes`` are in a row."""

    alive: bool = True
    checked_at: datetime | None = None
    answered_at: datetime | None = None
    answer_ms: float | None = None
    failing_since: datetime | None = None
    fault: str = ""
    unknown_issuer: bool = False
    failures: int = 0
    successes: int = 0


def is_due(health: Health, *, now: datetime, every: timedelta) -> bool:
    """Whether a server is to be asked in a round at ``now``, of which there is one ``every`` so often.

    One that began to answer again is asked each time. A clock that went back does not keep anybody from being asked.
    """
    if health.alive or health.checked_at is None or health.failing_since is None or health.checked_at > now:
        return True
    pause = max(every, min(LONGEST_PAUSE, (now - health.failing_since) / PAUSE_SHARE))
    # Rounds do not begin to the second.
    return now - health.checked_at >= pause - every / 2


def assess(health: Health, answer: Answer, ways: Ways, *, now: datetime, every: timedelta) -> Health:
    """How a server does after a check at ``now``.

    It dies of ``FAILURES_BEFORE_DEAD`` failures in a row and lives again after ``SUCCESSES_BEFORE_ALIVE`` successes.
    Nobody is judged by checks that were not made: a row that lies back too far counts for nothing, and two checks at
    the same time count as one.
    """
    verdict = ways.verdict(answer)
    passed = verdict is True
    after = replace(
        health,
        checked_at=now,
        fault="" if passed else answer.fault or "",
        failing_since=None if passed or answer.fault is None else health.failing_since or now,
        answered_at=now if passed else health.answered_at,
        answer_ms=answer.ms if passed else health.answer_ms,
        unknown_issuer=answer.unknown_issuer,
    )
    last = health.checked_at
    if verdict is None or (last is not None and timedelta(0) <= now - last < every / 2):
        return after  # a round that is doubled counts once
    patience = STALE_AFTER * (every if health.alive else max(every, LONGEST_PAUSE))
    goes_on = last is not None and timedelta(0) <= now - last <= patience
    failures = 0 if passed else min(MOST_COUNTED, (health.failures if goes_on else 0) + 1)
    successes = min(MOST_COUNTED, (health.successes if goes_on else 0) + 1) if passed else 0
    alive = failures < FAILURES_BEFORE_DEAD if health.alive else successes >= SUCCESSES_BEFORE_ALIVE
    return replace(after, failures=failures, successes=successes, alive=alive)


def regions_in_maps(regions: Mapping[int, Mapping[int, bool]]) -> dict[int, list[int]]:
    """The regions that agents are told of, each with its living servers: those that have one, and those that have no
    server at all yet. Where no server lives, all are told of: a relay that may be dead is better than none.

    ``regions``: whether each server lives, by region and id; those of one network.
    """
    lives = any(alive for servers in regions.values() for alive in servers.values())
    told = {
        region: [server for server, alive in servers.items() if alive or not lives]
        for region, servers in regions.items()
    }
    return {region: servers for region, servers in told.items() if servers or not regions[region]}
