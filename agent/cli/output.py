"""How answers and errors look, and which exit code stands for what."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, Final

from agent.control import AnsweredError
from mesh.errors import GhostWireError

SCHEMA_VERSION: Final = 1
EXIT_OK: Final = 0
EXIT_ERROR: Final = 1
EXIT_USAGE: Final = 2
EXIT_NOT_RUNNING: Final = 3
EXIT_LOGIN: Final = 4
EXIT_NOT_READY: Final = 5
_CODES: Final = {
    "usage": EXIT_USAGE,
    "not_running": EXIT_NOT_RUNNING,
    "login_needed": EXIT_LOGIN,
    "authentication": EXIT_LOGIN,
    "not_up": EXIT_NOT_READY,
    "permission": EXIT_NOT_READY,
}
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")


def code_of(error: GhostWireError) -> str:
    """The error's code: the running agent's own where it answered with one."""
    return error.answered_code if isinstance(error, AnsweredError) else error.code


def exit_code(error: GhostWireError) -> int:
    """The exit code for an error."""
    return _CODES.get(code_of(error), EXIT_ERROR)


def say(text: str) -> None:
    """A line for people, who may read it through a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say_json(value: dict[str, Any]) -> None:
    """An answer for programs; each has ``schema_version``."""
    sys.stdout.write(json.dumps({"schema_version": SCHEMA_VERSION} | value, indent=2) + "\n")


def say_error(error: GhostWireError, *, as_json: bool) -> None:
    """What went wrong: on standard error, or as JSON where that was asked for."""
    if as_json:
        say_json({"error": {"code": code_of(error), "detail": error.detail}})
    else:
        sys.stderr.write(f"ghostwire-agent: {error.detail}\n")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows))
    return "\n".join(line.rstrip() for line in lines)


def count(number: int, thing: str) -> str:
    """A number of things in words."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def size(number: int) -> str:
    """Bytes for people."""
    value, unit = float(number), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{number} B" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def age(seconds: float) -> str:
    """A span for people: its largest unit."""
    for length, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{int(seconds // length)} {name} ago"
    return f"{max(0, int(seconds))} s ago"
