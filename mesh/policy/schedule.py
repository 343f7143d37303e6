"""When a rule is in force: a weekly window on the wall clock of a time zone, and instants it begins and ends at.

The wall clock decides, literally: a window is open exactly while a clock in that zone shows one of its times. When
clocks go forward, the times they skip never come, so a window that begins among them opens as the gap ends; when they
go back, the times shown twice count twice. Weekdays are those on which a window opens; one that crosses midnight stays
open into the next day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from mesh.errors import ValidationError

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY: Final = 24 * 60
_HORIZONS: Final = (3, 22)
"""How many days to look ahead: first a few, then enough for a weekly window that falls into a gap and skips a week."""

_MEMBERS: Final = frozenset({"weekdays", "start", "end", "timezone", "not_before", "expires_at"})


@dataclass(frozen=True, slots=True)
class Schedule:
    """``weekdays`` are 0 (Monday) to 6, empty for every day; ``start`` and ``end`` minutes of the day, ``end`` up to
    1440 and both None for whole days; instants are aware, in UTC. No window at all (no weekdays, no times) is open.
    """

    weekdays: frozenset[int] = frozenset()
    start: int | None = None
    end: int | None = None
    timezone: str = "UTC"
    not_before: datetime | None = None
    expires_at: datetime | None = None

    @property
    def has_window(self) -> bool:
        """Whether the wall clock matters at all."""
        return bool(self.weekdays) or self.start is not None


@lru_cache(maxsize=1024)
def find_zone(name: str) -> tzinfo | None:
    """The time zone of this IANA name; None where this machine knows none."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError
        return None
    except KeyError:
        return None


def is_open(schedule: Schedule | None, at: datetime) -> bool | None:
    """Whether ``schedule`` is in force at the aware instant ``at``; None where its time zone cannot be resolved."""
    if schedule is None:
        return True
    if schedule.not_before is not None and at < schedule.not_before:
        return False
    if schedule.expires_at is not None and at >= schedule.expires_at:
        return False
    if not schedule.has_window:
        return True
    zone = find_zone(schedule.timezone)
    return None if zone is None else _in_window(schedule, at.astimezone(zone))


def _in_window(schedule: Schedule, local: datetime) -> bool:
    """Whether the wall clock showing ``local`` is inside the window."""
    days = schedule.weekdays or frozenset(range(7))
    if schedule.start is None or schedule.end is None:
        return local.weekday() in days
    minute = local.hour * 60 + local.minute
    if schedule.start < schedule.end:
        return schedule.start <= minute < schedule.end and local.weekday() in days
    if minute >= schedule.start:
        return local.weekday() in days
    return minute < schedule.end and (local.weekday() - 1) % 7 in days


def next_boundary(schedule: Schedule | None, after: datetime) -> datetime | None:
    """The first instant later than ``after`` at which the schedule's truth changes, in UTC; None when it never does."""
    if schedule is None:
        return None
    current = is_open(schedule, after)
    if schedule.expires_at is not None and after >= schedule.expires_at:
        return None
    begin = after
    if schedule.not_before is not None and after < schedule.not_before:
        begin = schedule.not_before
        if is_open(schedule, begin) is not current:
            return begin.astimezone(UTC)
    for days in _HORIZONS:
        for instant in _candidates(schedule, begin, days):
            if schedule.expires_at is not None and instant >= schedule.expires_at:
                break
            if is_open(schedule, instant) is not current:
                return instant
    if schedule.expires_at is not None and current is not False:
        return schedule.expires_at.astimezone(UTC)
    return None


def _candidates(schedule: Schedule, after: datetime, days: int) -> list[datetime]:
    """Every instant within ``days`` days at which the window might open or close, ascending, in UTC."""
    zone = find_zone(schedule.timezone)
    if zone is None or not schedule.has_window:
        return []
    minutes = {0} if schedule.start is None or schedule.end is None else {schedule.start, schedule.end % DAY}
    found: set[datetime] = set()
    first = after.astimezone(zone).date() - timedelta(days=1)
    for offset in range(days + 3):  # a day more on either side, as clocks that are moved may carry a time there
        day = first + timedelta(days=offset)
        for minute in minutes:
            wall = datetime.combine(day, time(minute // 60, minute % 60), zone)
            found.update(wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        found.update(_clock_change(zone, datetime.combine(day, time(0), zone).astimezone(UTC)))
    last = after + timedelta(days=days)
    return sorted(instant for instant in found if after < instant <= last)


def _clock_change(zone: tzinfo, start: datetime) -> Iterator[datetime]:
    """The instant within a day of ``start`` at which the zone's clocks are moved, if there is one."""
    low, high = start - timedelta(hours=3), start + timedelta(hours=27)
    before = low.astimezone(zone).utcoffset()
    if high.astimezone(zone).utcoffset() == before:
        return
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    yield high


def schedule_to_json(schedule: Schedule) -> dict[str, Any]:
    """The stored form; members that say nothing are left out."""
    stored: dict[str, Any] = {}
    if schedule.weekdays:
        stored["weekdays"] = [WEEKDAYS[day] for day in sorted(schedule.weekdays)]
    if schedule.start is not None and schedule.end is not None:
        stored["start"], stored["end"] = format_minutes(schedule.start), format_minutes(schedule.end)
    if schedule.has_window:
        stored["timezone"] = schedule.timezone
    if schedule.not_before is not None:
        stored["not_before"] = format_instant(schedule.not_before)
    if schedule.expires_at is not None:
        stored["expires_at"] = format_instant(schedule.expires_at)
    return stored


def schedule_from_json(value: object) -> Schedule | None:
    """Read the stored form; None or an empty object is no schedule. Raises ValidationError in words."""
    if value is None or value == {}:
        return None
    if not isinstance(value, dict):
        raise ValidationError("a schedule is an object")
    if unknown := sorted(set(value) - _MEMBERS):
        raise ValidationError(f"a schedule has no “{unknown[0]}”; it has {', '.join(sorted(_MEMBERS))}")
    zone = value.get("timezone", "UTC")
    if not isinstance(zone, str) or len(zone) > 64 or find_zone(zone) is None:
        raise ValidationError(f"there is no time zone “{zone}” (IANA names, such as Europe/Berlin)")
    start, end = parse_minutes(value.get("start")), parse_minutes(value.get("end"))
    if (start is None) is not (end is None):
        raise ValidationError("a window needs both a start and an end")
    if start is not None and start in (end, DAY):
        raise ValidationError("a window ends at another time than it starts; leave both out for whole days")
    begins, expires = parse_instant(value.get("not_before")), parse_instant(value.get("expires_at"))
    if begins is not None and expires is not None and begins >= expires:
        raise ValidationError("expires_at is not later than not_before")
    return Schedule(_weekdays(value.get("weekdays", [])), start, end, zone, begins, expires)


def _weekdays(value: object) -> frozenset[int]:
    if not isinstance(value, list) or any(day not in WEEKDAYS for day in value):
        raise ValidationError(f"weekdays are a list of {', '.join(WEEKDAYS)}")
    return frozenset(WEEKDAYS.index(day) for day in value)


def parse_minutes(value: object) -> int | None:
    """Minutes of the day from ``HH:MM`` (``24:00`` ends a day); None from None. Raises ValidationError."""
    if value is None:
        return None
    if isinstance(value, str) and len(value) == 5 and value[2] == ":" and value.isascii():
        hours, minutes = value[:2], value[3:]
        if hours.isdigit() and minutes.isdigit() and int(minutes) < 60 and int(hours) * 60 + int(minutes) <= DAY:
            return int(hours) * 60 + int(minutes)
    raise ValidationError(f"“{value}” is not a time of day (HH:MM)")


def format_minutes(minutes: int) -> str:
    """``HH:MM`` from minutes of the day."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def parse_instant(value: object) -> datetime | None:
    """An aware instant in UTC from RFC 3339 text or from an aware datetime; None from None. Raises ValidationError."""
    if value is None:
        return None
    if isinstance(value, str) and len(value) <= 40:
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValidationError(f"“{value}” is not an instant (RFC 3339, such as 2026-01-31T18:00:00Z)") from None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValidationError("an instant needs a date, a time and an offset (RFC 3339, such as 2026-01-31T18:00:00Z)")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValidationError("that instant is out of range") from None


def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def describe_schedule(schedule: Schedule) -> str:
    """The schedule in words: ``mon-fri 08:00-18:00 Europe/Berlin, until 2026-01-31T18:00:00Z``."""
    parts: list[str] = []
    if schedule.has_window:
        days = ",".join(WEEKDAYS[day] for day in sorted(schedule.weekdays)) or "daily"
        window = ""
        if schedule.start is not None and schedule.end is not None:
            window = f" {format_minutes(schedule.start)}-{format_minutes(schedule.end)}"
        parts.append(f"{days}{window} {schedule.timezone}")
    if schedule.not_before is not None:
        parts.append(f"from {format_instant(schedule.not_before)}")
    if schedule.expires_at is not None:
        parts.append(f"until {format_instant(schedule.expires_at)}")
    return ", ".join(parts) or "always"
