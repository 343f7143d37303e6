"""Text that came from elsewhere, made safe for a terminal."""

from __future__ import annotations

import unicodedata
from typing import Final

# Control characters drive the terminal, and invisible ones change how a line reads. (A machine chooses what it calls
# itself; a person chooses a display name.)
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def clean(text: str) -> str:
    """``text`` on one line, without what would move the cursor, change colours or reverse the writing."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("\ufffd" if unicodedata.category(char) in _UNSAFE else char for char in text)


def listed(words: list[str], *, most: int = 5) -> str:
    """``a, b and 3 more``."""
    named = ", ".join(words[:most])
    more = len(words) - most
    return f"{named} and {more} more" if more > 0 else named


def count(number: int, noun: str) -> str:
    """``1 node``, ``3 nodes``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
