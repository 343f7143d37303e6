"""When a rule is in force and what it requires, as people write it on the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from coordinator.cli.times import parse_duration, parse_instant, rfc3339
from mesh.errors import ValidationError
from mesh.policy.schedule import WEEKDAYS

_AT_LEAST = ">="


def read_schedule(
    present: Mapping[str, Any],
    *,
    days: str | None,
    hours: str | None,
    timezone: str | None,
    not_before: str | None,
    until: str | None,
    now: datetime,
) -> dict[str, Any]:
    """A rule's schedule as it is stored: ``present`` with what is given; ``always`` takes a part away.

    Raises ValidationError in words; the service checks the rest.
    """
    schedule = dict(present)
    if days is not None:
        schedule.pop("weekdays", None)
        if days != "always":
            schedule["weekdays"] = _weekdays(days)
    if hours is not None:
        schedule.pop("start", None)
        schedule.pop("end", None)
        if hours != "always":
            start, dash, end = hours.partition("-")
            if not dash:
                raise ValidationError(f"{hours!r}: write a window as 08:00-18:00.")
            schedule["start"], schedule["end"] = start.strip(), end.strip()
    if timezone is not None:
        schedule["timezone"] = timezone
    for name, text in (("not_before", not_before), ("expires_at", until)):
        if text is not None:
            schedule.pop(name, None)
            if text != "always":
                schedule[name] = rfc3339(_instant(text, now))
    if not {"weekdays", "start"} & set(schedule):
        if timezone is not None:
            raise ValidationError("A time zone goes with days or hours.")
        schedule.pop("timezone", None)
    return schedule


def _weekdays(text: str) -> list[str]:
    """``mon-fri`` or ``sat,sun``; a range may go over the week's end."""
    found: set[str] = set()
    for part in text.lower().split(","):
        first, dash, last = part.strip().partition("-")
        ends = (first, last) if dash else (first, first)
        if any(day not in WEEKDAYS for day in ends):
            raise ValidationError(f"{text!r}: days are {', '.join(WEEKDAYS)}, as in mon-fri or sat,sun.")
        begin, end = (WEEKDAYS.index(day) for day in ends)
        found.update(WEEKDAYS[(begin + step) % 7] for step in range((end - begin) % 7 + 1))
    return [day for day in WEEKDAYS if day in found]


def _instant(text: str, now: datetime) -> datetime:
    try:
        return now.replace(microsecond=0) + parse_duration(text)
    except ValueError:
        pass
    try:
        return parse_instant(text)
    except ValueError:
        message = f"{text!r} is no time: write 24h, 7d or 2030-01-31T18:00:00Z."
        raise ValidationError(message) from None


def read_conditions(requirements: Sequence[str]) -> list[dict[str, Any]]:
    """``os=linux,macos``, ``agent>=1.2``, ``disk_encrypted=true``, ``serial``; ``none`` takes all away.

    Values are read as JSON where they are a number or true/false, else as text. Raises ValidationError in words.
    """
    return [] if list(requirements) == ["none"] else [_condition(text) for text in requirements]


def _condition(text: str) -> dict[str, Any]:
    if _AT_LEAST in text:
        name, _, version = text.partition(_AT_LEAST)
        if name.strip() not in ("agent", "agent_version"):
            raise ValidationError(f"{text!r}: only the agent's version is compared: agent>=1.2.")
        return {"agent_version": version.strip()}
    name, equals, values = (part.strip() for part in text.partition("="))
    if not name or (equals and not values):
        raise ValidationError(f"{text!r}: write os=linux, agent>=1.2, NAME=VALUE or NAME.")
    if name == "os" and equals:
        return {"os": [item.strip() for item in values.split(",")]}
    if not equals:
        return {"attribute": name, "exists": True}
    wanted = [_scalar(item.strip()) for item in values.split(",")]
    return {"attribute": name, "equals": wanted[0]} if len(wanted) == 1 else {"attribute": name, "in": wanted}


def _scalar(text: str) -> str | int | float | bool:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str | int | float | bool) else text
