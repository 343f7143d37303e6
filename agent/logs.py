"""Logging that never shows a key or a token, whoever wrote the line."""

from __future__ import annotations

import logging
import logging.handlers
import os
import re
from pathlib import Path
from typing import Final

# Tokens of every kind by their prefix, what stands behind "Bearer", and the value of a proof header.
_SECRETS: Final = re.compile(
    r"(?P<kind>gw[a-z]_)[A-Za-z0-9_-]{8,}|(?P<bearer>[Bb]earer\s+)\S+|(?P<proof>[Gg]host[Ww]ire-[Pp]roof\W+)\S+"
)
# WireGuard keys in base64 and in hex (as the UAPI socket writes them). Public ones are cut too: a filter cannot tell.
_KEYS: Final = re.compile(r"(?<![A-Za-z0-9+/])([A-Za-z0-9+/]{6})[A-Za-z0-9+/]{37}=|\b([0-9a-f]{6})[0-9a-f]{58}\b")
_MAX_BYTES: Final = 1 << 20
_FORMAT: Final = "%(asctime)s %(levelname)-7s %(message)s"


def mask(text: str) -> str:
    """The text with every token and key cut to what tells its kind."""

    def cut(match: re.Match[str]) -> str:
        return f"{match['kind'] or match['bearer'] or match['proof']}…"

    return _KEYS.sub(lambda m: f"{m[1] or m[2]}…", _SECRETS.sub(cut, text))


class MaskingFormatter(logging.Formatter):
    """Masks the finished line, so that arguments, exceptions and their notes are covered alike."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's line, masked."""
        return mask(super().format(record))


def configure(*, verbose: bool, quiet: bool = False, path: Path | None = None) -> None:
    """Log to standard error, or to ``path`` (mode 0600, 1 MiB and three older files). ``quiet``: warnings only.

    The libraries below are kept at warnings whatever ``verbose`` says: at debug they print the headers they send.
    """
    handler: logging.Handler
    if path is None:
        handler = logging.StreamHandler()
    else:
        os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        handler = logging.handlers.RotatingFileHandler(path, maxBytes=_MAX_BYTES, backupCount=3, encoding="utf-8")
    handler.setFormatter(MaskingFormatter(_FORMAT))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO)
    for noisy in ("httpx", "httpcore", "websockets", "pyroute2", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
