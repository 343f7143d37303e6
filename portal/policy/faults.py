"""What is wrong with a policy's document, by line, and what was probably meant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from mesh.errors import GhostWireError, ValidationError
from mesh.hujson import HuJsonError, parse
from portal.access.meant import meant

SHOWN: Final = 50
"""How many faults are shown; the others are counted."""

_MISSING: Final = re.compile(r"^there is no (?:user|group|tag|host|node|autogroup) ")
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_PORTS: Final = re.compile(r":[0-9*,\-]+$")
_DEFINED: Final = {"groups": "", "tagOwners": "", "hosts": "host:"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. ``line`` and ``column`` count from 1; 0 where it stands nowhere. ``path`` names the member at fault
    (``acls.0.src.1``); ``wrong`` is the text there, and ``meant`` what to write instead, where that is known."""

    line: int
    column: int
    message: str
    path: str = ""
    wrong: str = ""
    meant: str = ""
    excerpt: str = ""


def faults_of(network_id: int, text: str, error: GhostWireError) -> list[Fault]:
    """Every fault that reading or checking a document found, the first line first."""
    items = error.errors if isinstance(error, ValidationError) else ()
    if not items:
        return [Fault(0, 0, error.detail)]
    lines = text.split("\n")
    local = list(_defined(text))
    found = []
    for number, item in enumerate(sorted(items, key=lambda item: (item.line, item.column))):
        said = lines[item.line - 1] if 0 < item.line <= len(lines) else ""
        wrong = better = ""
        # Looking for what was meant asks the database: for what is shown, and no more.
        if number < SHOWN and _MISSING.match(item.message):
            wrong = _string_at(said, item.column)
            better = _meant(network_id, wrong, local)
        found.append(Fault(item.line, item.column, item.message, item.field, wrong, better, said.strip()[:200]))
    return found


def _string_at(line: str, column: int) -> str:
    """The string that begins at ``column`` of a line, or that holds it."""
    for literal in _STRING.finditer(line):
        if literal.start() <= column - 1 < literal.end():
            with suppress(ValueError):
                return str(json.loads(literal[0]))
    return ""


def _meant(network_id: int, text: str, local: list[str]) -> str:
    """``text`` with the name in it that was meant, ports kept; empty where none is like it."""
    ports = _PORTS.search(text)
    name, rest = (text[: ports.start()], ports[0]) if ports else (text, "")
    # What the document itself defines is nearer than what the network has.
    close = get_close_matches(name, local, n=1, cutoff=0.75)
    better = close[0] if close else meant(network_id, name)
    return f"{better}{rest}" if better and better != name else ""


def _defined(text: str) -> Iterator[str]:
    """Names that the document defines, as selectors."""
    try:
        read = parse(text).root.plain()
    except HuJsonError:
        return
    for section, prefix in _DEFINED.items():
        names = read.get(section) if isinstance(read, dict) else None
        for name in names if isinstance(names, dict) else ():
            yield f"{prefix}{name}"
