"""Durations and instants, as people write them and as they like to read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_DURATION: Final = re.compile(r"(?:[0-9]{1,9}[smhdw])+")
_PART: Final = re.compile(r"([0-9]+)([smhdw])")
_LONGEST: Final = timedelta(days=100 * 366)
# Beyond this a date says more than a number of days.
_RELATIVE_WITHIN: Final = timedelta(days=60)


def parse_duration(text: str) -> timedelta:
    """Read ``90s``, ``15m``, ``24h``, ``7d``, ``2w`` or ``1h30m``. Raises ValueError in words for anything else."""
    normal = text.strip().lower()
    if not _DURATION.fullmatch(normal):
        raise ValueError(f"{text!r} is no duration: write 90s, 15m, 24h, 7d or 2w.")
    seconds = sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(normal))
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"{text!r} is too long: at most 100 years.")
    return timedelta(seconds=seconds)


def parse_instant(text: str) -> datetime:
    """Read a date or an RFC 3339 instant; without an offset it is UTC. Raises ValueError in words."""
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no instant: write 2030-01-31 or 2030-01-31T18:00:00Z.") from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def parse_expiry(text: str, now: datetime) -> datetime | None:
    """Read a duration from ``now``, an instant, or ``never`` (None). Raises ValueError in words."""
    normal = text.strip().lower()
    if normal == "never":
        return None
    if _DURATION.fullmatch(normal):
        return now + parse_duration(normal)
    try:
        return parse_instant(text)
    except ValueError:
        raise ValueError(f"{text!r} is no end: write 24h, 7d, 2030-01-31T18:00:00Z or never.") from None


def parse_since(text: str, now: datetime) -> datetime:
    """Read how far to look back: a duration or an instant. Raises ValueError in words."""
    if _DURATION.fullmatch(text.strip().lower()):
        return now - parse_duration(text)
    return parse_instant(text)


def rfc3339(instant: datetime) -> str:
    """An instant for programs, in UTC."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def brief(duration: timedelta) -> str:
    """A duration in one unit, rounded down: ``45 s``, ``3 min``, ``2 h``, ``5 d``."""
    seconds = int(abs(duration).total_seconds())
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def exact(seconds: int) -> str:
    """A number of seconds as one may write it again: ``12h``, ``1h30m``, ``45s``."""
    parts = []
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        if seconds >= size:
            parts.append(f"{seconds // size}{unit}")
            seconds %= size
    return "".join(parts) or "0s"


def relative(instant: datetime, now: datetime) -> str:
    """An instant for people, seen from ``now``: ``3 min ago``, ``in 6 d``; far away the date."""
    distance = instant - now
    if abs(distance) > _RELATIVE_WITHIN:
        return instant.astimezone(UTC).strftime("%Y-%m-%d")
    if abs(distance) < timedelta(seconds=1):
        return "now"
    # A second of grace, else what was set to a day ahead a moment ago reads as 23 hours.
    return f"{brief(distance)} ago" if distance < timedelta(0) else f"in {brief(distance + timedelta(seconds=1))}"


def both(instant: datetime, now: datetime) -> str:
    """An instant for people with its date and time: ``in 6 d (2030-01-31 18:00 UTC)``."""
    written = instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    far = abs(instant - now) > _RELATIVE_WITHIN
    return written if far else f"{relative(instant, now)} ({written})"
