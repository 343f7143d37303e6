"""Time on a machine: a wall clock for people and deadlines, and the boot clock for the lease."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """What the agent asks of time; tests bring their own."""

    def wall(self) -> datetime:
        """Now, in UTC. May jump when somebody sets it."""

    def boot(self) -> float:
        """Seconds since the machine started, suspended time included. Never jumps."""

    def boot_id(self) -> str:
        """What tells one run of the machine from the next; a boot-clock reading means nothing across two."""


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's own clocks. ``CLOCK_BOOTTIME`` counts through suspend, which ``CLOCK_MONOTONIC`` does not."""

    def wall(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)

    def boot(self) -> float:
        """Seconds on ``CLOCK_BOOTTIME``."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def boot_id(self) -> str:
        """The kernel's id of this boot; empty where the kernel does not tell."""
        try:
            return _BOOT_ID.read_text(encoding="ascii").strip()
        except OSError:
            return ""


def parse_instant(text: str) -> datetime:
    """Read an RFC 3339 instant as the protocol writes it.

    :raises ValueError: for anything else, and for an instant without an offset
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset from UTC")
    return instant.astimezone(UTC)
