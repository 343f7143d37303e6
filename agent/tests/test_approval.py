"""What ``up`` says while it waits for a person's approval, and how the wait ends."""

from __future__ import annotations

from typing import Any

import pytest

from agent.cli import approval
from agent.errors import LoginNeededError, NotUpError
from agent.tests.test_enrolment import CODE, URL, WAITING


def standing(phase: str, *, enrolment: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"phase": phase, "reason": f"is {phase}", "enrolment": enrolment, "key_fingerprint": "abcd-efgh-ijkl-mnop"}


class Ticks:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def waits(*standings: dict[str, Any], timeout: float | None = None) -> dict[str, Any]:
    ticks, following = Ticks(), iter(standings[1:])

    def status() -> dict[str, Any]:
        return next(following, standings[-1])

    return approval.await_approval(status, standings[0], timeout, sleep=ticks.sleep, clock=ticks)


def test_code_address_and_fingerprint_are_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    asking = standing("needs-approval", enrolment=WAITING)
    assert waits(asking, asking, standing("connecting"), standing("running"))["phase"] == "running"
    said = capsys.readouterr()
    assert said.out == ""
    for word in (URL, f"code         {CODE}", "abcd-efgh-ijkl-mnop"):
        assert said.err.count(word) == 1


def test_a_new_code_is_shown_too(capsys: pytest.CaptureFixture[str]) -> None:
    other = standing("needs-approval", enrolment=WAITING | {"code": "BBBB-CCCC"})
    waits(standing("needs-approval", enrolment=WAITING), other, standing("running"))
    assert "BBBB-CCCC" in capsys.readouterr().err


def test_a_rejection_is_an_error() -> None:
    with pytest.raises(LoginNeededError, match="is needs-login"):
        waits(standing("needs-approval", enrolment=WAITING), standing("needs-login"))


def test_the_wait_ends_when_the_user_said_so() -> None:
    with pytest.raises(NotUpError):
        waits(standing("needs-approval", enrolment=WAITING), timeout=30)


def test_once_approved_it_does_not_wait_for_ever() -> None:
    with pytest.raises(NotUpError):
        waits(standing("needs-approval", enrolment=WAITING), standing("connecting"))


def test_the_picture_is_a_qr_code_of_the_address() -> None:
    lines = approval.qr(URL).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert set("".join(lines)) <= set(" █▀▄")


def test_a_terminal_without_blocks_gets_no_picture(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approval, "_can_encode", lambda text, encoding: False)
    approval.show(WAITING, "abcd")
    assert "█" not in capsys.readouterr().err


def test_ascii_has_no_blocks() -> None:
    assert approval._can_encode("█", "utf-8")
    assert not approval._can_encode("█", "ascii")
    assert not approval._can_encode("█", None)
