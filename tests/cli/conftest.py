"""Commands as a person or a program runs them: words in; exit code, output and errors out."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import call_command

from tests.fixtures import ana, ben, clock, join, key_of, network, quiet_process

__all__ = ["ana", "ben", "clock", "join", "key_of", "network", "quiet_process"]


class Tty(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


Run = Callable[..., Outcome]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """``run("node", "list", "--json")``; with ``answer=`` somebody sits at a terminal; ``stdin=`` is piped in."""

    def invoke(*words: str, answer: str | None = None, stdin: str = "", width: int = 80) -> Outcome:
        monkeypatch.setenv("COLUMNS", str(width))
        kind = io.StringIO if answer is None else Tty
        out, err = kind(), io.StringIO()
        monkeypatch.setattr(sys, "stdin", kind(stdin if answer is None else answer))
        code = 0
        try:
            call_command(*words, stdout=out, stderr=err)
        except SystemExit as end:
            code = int(end.code or 0)
        return Outcome(code, out.getvalue(), err.getvalue())

    return invoke
