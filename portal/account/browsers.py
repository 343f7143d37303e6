"""What a browser calls itself, in words that people recognise."""

from __future__ import annotations

from typing import Final

# In this order: most call themselves by the names of others too.
_NAMES: Final = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def browser_words(agent: str) -> str:
    """``Firefox on Linux`` for a User-Agent header; its beginning where nothing is known about it."""
    name = next((words for mark, words in _NAMES if mark in agent), "")
    system = next((words for mark, words in _SYSTEMS if mark in agent), "")
    if name and system:
        return f"{name} on {system}"
    return name or system or agent[:40] or "Unknown browser"
