"""Shows a person how to let this machine in, and waits until that is done."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import segno

from agent.errors import LoginNeededError, NotUpError

NEEDS_APPROVAL: Final = "needs-approval"
_UNDER_WAY: Final = frozenset({NEEDS_APPROVAL, "connecting", "starting"})
_LOOK_SECONDS: Final = 1.0
_CONNECT_SECONDS: Final = 60.0  # from the approval until the mesh is there


def somebody_is_there() -> bool:
    """Whether a person sits at a terminal. Scripts get an answer instead of a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def await_approval(
    status: Callable[[], dict[str, Any]],
    answer: dict[str, Any],
    timeout: float | None,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Show each code that the agent gets, until it is up; the status then.

    ``timeout``: seconds in all; None as long as the portal holds the request.

    :raises LoginNeededError: if the request was rejected, or nobody decided in time
    :raises NotUpError: if the time is over, or the machine was shut out or failed
    """
    shown, began = None, clock()
    approved_at: float | None = None
    while answer["phase"] in _UNDER_WAY:
        waiting, now = answer["enrolment"], clock()
        if waiting is not None:
            approved_at = None
            if waiting["code"] != shown:
                shown = waiting["code"]
                show(waiting, answer["key_fingerprint"])
        elif approved_at is None:
            approved_at = now
        is_over = timeout is not None and now - began > timeout
        if is_over or (approved_at is not None and now - approved_at > _CONNECT_SECONDS):
            raise NotUpError(
                f"Not up yet ({answer['reason'] or 'no answer from the portal'}). The agent goes on trying."
            )
        sleep(_LOOK_SECONDS)
        answer = status()
    if answer["phase"] == "needs-login":
        raise LoginNeededError(answer["reason"])
    if answer["phase"] != "running":
        raise NotUpError(answer["reason"])
    return answer


def show(waiting: dict[str, Any], fingerprint: str) -> None:
    """The page, its QR code, the code to type, and what to compare. On standard error: answers stay clean."""
    out = sys.stderr
    out.write(f"\nTo let this machine in, log in at\n\n    {waiting['verification_url']}\n\n")
    picture = qr(waiting["verification_url"])
    if _can_encode(picture, out.encoding):
        out.write(picture + "\n")
    out.write(f"    code         {waiting['code']}\n    fingerprint  {fingerprint}\n\n")
    out.write("Waiting for the approval. Ctrl-C gives up.\n")
    out.flush()


def qr(text: str) -> str:
    """A QR code in half blocks, two modules a line, with its quiet zone (ISO/IEC 18004 wants four modules)."""
    out = io.StringIO()
    segno.make_qr(text, error="l").terminal(out=out, compact=True, border=4)
    return out.getvalue()


def _can_encode(text: str, encoding: str | None) -> bool:
    try:
        text.encode(encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
