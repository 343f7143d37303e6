"""The terminal that a command speaks to, and what it asks there."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TextIO

from coordinator.cli.text import clean


class RefusedError(Exception):
    """The person at the terminal said no: nothing was changed."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where a command reads and writes."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO

    @property
    def asks(self) -> bool:
        """Whether somebody sits there: only then is anything asked."""
        return self.stdin.isatty() and self.stdout.isatty()


_CURRENT: ContextVar[Terminal | None] = ContextVar("terminal", default=None)


def terminal() -> Terminal:
    """The present command's terminal; outside a command the process's own."""
    return _CURRENT.get() or Terminal(sys.stdin, sys.stdout, sys.stderr)


@contextmanager
def speaking_to(present: Terminal) -> Iterator[None]:
    """Make ``present`` the terminal of a command while it runs."""
    token = _CURRENT.set(present)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def note(text: str) -> None:
    """Say something beside the result: on standard error, so that a program that reads the result never sees it."""
    terminal().stderr.write(f"note: {clean(text)}\n")


def confirm(question: str, *, losses: Sequence[str] = (), force: bool) -> None:
    """Ask before an act that cuts something; ``losses`` name it, a line each.

    With ``force``, or where nobody sits at a terminal, nothing is asked. Raises RefusedError unless the answer is
    yes. The question goes to standard error: standard output holds the result alone.
    """
    present = terminal()
    if force or not present.asks:
        return
    lines = [clean(question), *(f"  {clean(line)}" for line in losses)]
    present.stderr.write("\n".join(lines) + "\nGo on? [y/N] ")
    present.stderr.flush()
    if present.stdin.readline().strip().lower() not in ("y", "yes"):
        raise RefusedError("Nothing was changed.")


def read_password(login: str) -> str:
    """A password, asked for twice at a terminal, else one line of standard input: never an argument, which every user
    of the machine could read in the list of processes.

    Raises ValueError in words for two that differ, or none.
    """
    present = terminal()
    if not present.asks:
        line = present.stdin.readline()
        if not line.strip():
            raise ValueError("No password came on standard input.")
        return line.rstrip("\r\n")
    first = getpass.getpass(f"New password for {login}: ", present.stderr)
    if first != getpass.getpass("Once more: ", present.stderr):
        raise ValueError("The two passwords differ.")
    return first
