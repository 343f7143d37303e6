"""What to do after a conversation with the portal ended: one table for every close code and every refusal. Pure.

Source: agent protocol, "States" and "WebSocket".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from agent.errors import LoginNeededError, PortalUnreachableError
from mesh.errors import (
    AuthenticationError,
    ConflictError,
    DatabaseError,
    GhostWireError,
    NotFoundError,
    PermissionDeniedError,
    ResourceExhaustedError,
    ThrottledError,
    ValidationError,
)


class Step(Enum):
    """What comes next."""

    TALK = "talk"  # open the socket
    AGAIN = "again"  # what was tried once more, after a pause; the tunnel stays as it is
    PROVE = "prove"  # the token is worth nothing: ask for a session with a proof
    ASK = "ask"  # the socket was refused without a clear word: ask over REST where we stand
    STAND_DOWN = "stand_down"  # shut out: no peers, no registration; ask now and then whether it is over
    WAIT = "wait"  # a person must let this machine in: ask now and then whether it was done
    REGISTER = "register"  # the portal does not know us: register, if a usable auth key is at hand
    LOGIN = "login"  # only a person can help


@dataclass(frozen=True, slots=True)
class Verdict:
    """The step, the least pause before it in seconds, and the reason in words for status and log."""

    step: Step
    reason: str
    pause: float = 0.0


STAND_DOWN_SECONDS: Final = 60.0
RIVAL_SECONDS: Final = 60.0
_CROWDED_SECONDS: Final = 30.0
_OVERLOADED_SECONDS: Final = 10.0

_CLOSES: Final = {
    1012: Verdict(Step.AGAIN, "the portal restarts"),
    1013: Verdict(Step.AGAIN, "the portal is overloaded", _OVERLOADED_SECONDS),
    4400: Verdict(Step.AGAIN, "the portal found a fault in what we sent"),
    4401: Verdict(Step.PROVE, "the session ended"),
    4403: Verdict(Step.STAND_DOWN, "the portal shut this node out", STAND_DOWN_SECONDS),
    4408: Verdict(Step.AGAIN, "the portal missed our heartbeats"),
    # Another agent with this key took our place. Fighting it would take turns every second; so we let it be, and look
    # again after a while: if it was a copy of this machine that is gone by then, all is well.
    4409: Verdict(Step.PROVE, "another agent with this node's key took over", RIVAL_SECONDS),
    4429: Verdict(Step.AGAIN, "the portal has too many connections from here", _CROWDED_SECONDS),
}


def after_close(code: int | None) -> Verdict:
    """What follows the close of an open socket; None for a connection that broke."""
    if code is None:
        return Verdict(Step.AGAIN, "the connection broke")
    return _CLOSES.get(code, Verdict(Step.AGAIN, f"the portal closed the socket ({code})"))


def after_upgrade(status: int, retry_after: float | None) -> Verdict:
    """What follows an upgrade that was answered with an HTTP status.

    401 is said by the portal alone. 403 may mean "not active", but also that the server could not say what it meant
    (both ASGI servers turn every refusal into it), and anything else may come from a proxy that does not let sockets
    through.
    """
    if status == 401:
        return Verdict(Step.PROVE, "the session ended")
    if status in (429, 503):
        return Verdict(Step.AGAIN, f"the portal asks for patience ({status})", retry_after or 0.0)
    return Verdict(Step.ASK, f"the socket was refused ({status})")


def after_call(error: GhostWireError) -> Verdict:
    """What follows a failed call that was made with the session's token."""
    match error:
        case AuthenticationError():
            return Verdict(Step.PROVE, "the session ended")
        case PermissionDeniedError():
            return Verdict(Step.STAND_DOWN, error.detail, STAND_DOWN_SECONDS)
    return _later(error)


def after_proof(error: GhostWireError) -> Verdict:
    """What follows a failed request for a session."""
    match error:
        case AuthenticationError():
            return Verdict(Step.REGISTER, "the portal wants this machine to register again")
        case PermissionDeniedError():
            return Verdict(Step.STAND_DOWN, error.detail, STAND_DOWN_SECONDS)
    return _later(error)


def after_registration(error: GhostWireError) -> Verdict:
    """What follows a failed registration. A refusal is final for this auth key: repeating it would not help."""
    match error:
        case LoginNeededError() | AuthenticationError() | PermissionDeniedError() | ConflictError() | ValidationError():
            return Verdict(Step.LOGIN, error.detail)
        case ResourceExhaustedError():
            return Verdict(Step.AGAIN, error.detail, STAND_DOWN_SECONDS)
    return _later(error)


def after_collecting(error: GhostWireError) -> Verdict:
    """What follows a failed question what became of a request to join. One that is over is made anew if it may be."""
    match error:
        case NotFoundError():
            return Verdict(Step.REGISTER, "The request to join is over: nobody approved it in time.")
        case AuthenticationError() | PermissionDeniedError() | ValidationError():
            return Verdict(Step.LOGIN, error.detail)
    return _later(error)


def _later(error: GhostWireError) -> Verdict:
    match error:
        case ThrottledError() | DatabaseError() | PortalUnreachableError():
            return Verdict(Step.AGAIN, error.detail, error.retry_after or 0.0)
    return Verdict(Step.AGAIN, error.detail)
