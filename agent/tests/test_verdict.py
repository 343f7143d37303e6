"""One table for every end of a conversation."""

from __future__ import annotations

import pytest

from agent.engine.verdict import Step, after_call, after_close, after_proof, after_registration, after_upgrade
from agent.errors import LoginNeededError, PortalUnreachableError
from mesh.errors import (
    AuthenticationError,
    ConflictError,
    DatabaseError,
    GhostWireError,
    PermissionDeniedError,
    ResourceExhaustedError,
    ThrottledError,
    ValidationError,
)


@pytest.mark.parametrize(
    ("code", "step", "pause"),
    [
        (None, Step.AGAIN, 0),
        (1000, Step.AGAIN, 0),
        (1001, Step.AGAIN, 0),
        (1012, Step.AGAIN, 0),
        (1013, Step.AGAIN, 10),
        (4400, Step.AGAIN, 0),
        (4401, Step.PROVE, 0),
        (4403, Step.STAND_DOWN, 60),
        (4408, Step.AGAIN, 0),
        (4409, Step.PROVE, 60),
        (4429, Step.AGAIN, 30),
        (4999, Step.AGAIN, 0),
    ],
)
def test_each_close_code(code: int | None, step: Step, pause: float) -> None:
    verdict = after_close(code)
    assert (verdict.step, verdict.pause) == (step, pause)


@pytest.mark.parametrize(
    ("status", "retry", "step", "pause"),
    [
        (401, None, Step.PROVE, 0),
        (403, None, Step.ASK, 0),  # both ASGI servers turn every refusal into it
        (404, None, Step.ASK, 0),
        (429, 9.0, Step.AGAIN, 9),
        (502, None, Step.ASK, 0),
        (503, None, Step.AGAIN, 0),
    ],
)
def test_each_refusal_of_an_upgrade(status: int, retry: float | None, step: Step, pause: float) -> None:
    verdict = after_upgrade(status, retry)
    assert (verdict.step, verdict.pause) == (step, pause)


CALLS: list[tuple[GhostWireError, Step, Step, Step]] = [
    # the error, then the step after a call, after a request for a session, after a registration
    (AuthenticationError("x"), Step.PROVE, Step.REGISTER, Step.LOGIN),
    (PermissionDeniedError("x"), Step.STAND_DOWN, Step.STAND_DOWN, Step.LOGIN),
    (ValidationError("x"), Step.AGAIN, Step.AGAIN, Step.LOGIN),
    (ConflictError("x"), Step.AGAIN, Step.AGAIN, Step.LOGIN),
    (LoginNeededError("x"), Step.AGAIN, Step.AGAIN, Step.LOGIN),
    (ThrottledError("x"), Step.AGAIN, Step.AGAIN, Step.AGAIN),
    (DatabaseError("x"), Step.AGAIN, Step.AGAIN, Step.AGAIN),
    (ResourceExhaustedError("x"), Step.AGAIN, Step.AGAIN, Step.AGAIN),
    (PortalUnreachableError("x"), Step.AGAIN, Step.AGAIN, Step.AGAIN),
]


@pytest.mark.parametrize(("error", "call", "proof", "registration"), CALLS, ids=lambda value: type(value).__name__)
def test_each_error(error: GhostWireError, call: Step, proof: Step, registration: Step) -> None:
    assert (after_call(error).step, after_proof(error).step, after_registration(error).step) == (
        call,
        proof,
        registration,
    )


def test_retry_after_is_the_least_pause() -> None:
    assert after_call(ThrottledError("x", retry_after=17.0)).pause == 17.0
