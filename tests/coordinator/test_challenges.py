"""Challenges: stateless, bound to a key, good once and for a minute."""

from __future__ import annotations

import base64
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from coordinator.challenges import (
    LIFETIME,
    SLOT_SECONDS,
    Challenge,
    Proof,
    check_proof,
    forget_challenges,
    issue_challenge,
    record_proof,
)
from mesh.errors import AuthenticationError, ValidationError
from mesh.keys import Purpose, encode_key, format_proof_header, generate_private_key, make_proof, public_key_of
from sessions_app.models import UsedChallenge
from tests.fixtures import START

PRIVATE = generate_private_key(b"\7" * 32)
KEY = encode_key(public_key_of(PRIVATE))
OTHER = generate_private_key(b"\x0b" * 32)
BODY = b'{"public_key":"..."}'


def issue(now: Any = START, key: str = KEY, nonce: bytes = b"n" * 16) -> Challenge:
    return issue_challenge(public_key=key, now=now, nonce=nonce)


def header_for(challenge: Challenge, **changes: Any) -> str:
    parts: dict[str, Any] = {
        "purpose": "register",
        "private_key": PRIVATE,
        "server_key": base64.b64decode(challenge.server_key),
        "nonce": base64.b64decode(challenge.nonce),
        "audience": settings.GHOSTWIRE.public_urls[0],
        "public_key": public_key_of(PRIVATE),
        "body": BODY,
    }
    return format_proof_header(challenge.challenge_id, make_proof(**(parts | changes)))


def check(header: str, **changes: Any) -> Proof:
    parts: dict[str, Any] = {"purpose": Purpose.REGISTER, "public_key": KEY, "body": BODY, "now": START}
    return check_proof(header=header, **(parts | changes))


def test_a_proof_that_holds() -> None:
    challenge = issue()
    proof = check(header_for(challenge))
    assert (proof.public_key, proof.nonce) == (KEY, b"n" * 16)


def test_the_challenge_says_when_it_ends_and_is_url_safe() -> None:
    challenge = issue()
    assert challenge.expires_at == START + timedelta(seconds=60)
    assert set(challenge.challenge_id) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_the_portals_key_changes_every_30_seconds() -> None:
    assert SLOT_SECONDS == 30
    assert issue(START).server_key == issue(START + timedelta(seconds=29)).server_key
    assert issue(START).server_key != issue(START + timedelta(seconds=30)).server_key


def test_a_challenge_outlives_the_change_of_the_portals_key() -> None:
    check(header_for(issue()), now=START + timedelta(seconds=59))


def test_good_for_a_minute() -> None:
    header = header_for(issue())
    check(header, now=START + LIFETIME - timedelta(milliseconds=1))
    with pytest.raises(AuthenticationError):
        check(header, now=START + LIFETIME)


def test_from_a_neighbour_whose_clock_is_ahead() -> None:
    check(header_for(issue(START + timedelta(seconds=5))))
    with pytest.raises(AuthenticationError):
        check(header_for(issue(START + LIFETIME)))


def flipped(text: str, at: int) -> str:
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


BAD: dict[str, Any] = {
    "another key's challenge": lambda: header_for(issue(key=encode_key(public_key_of(OTHER)))),
    "another key's proof": lambda: header_for(issue(), private_key=OTHER),
    "another body": lambda: header_for(issue(), body=BODY + b" "),
    "another purpose": lambda: header_for(issue(), purpose="session"),
    "another audience": lambda: header_for(issue(), audience="https://evil.example"),
    "the audience of the Host header": lambda: header_for(issue(), audience="http://testserver"),
    "another nonce": lambda: header_for(replace(issue(), nonce=base64.b64encode(b"m" * 16).decode())),
    "a challenge that was touched at its head": lambda: flipped(header_for(issue()), 3),
    "a challenge that was touched at its nonce": lambda: flipped(header_for(issue()), 30),
    "a challenge that was touched at its MAC": lambda: flipped(header_for(issue()), 60),
    "a proof that was touched": lambda: flipped(header_for(issue()), 70),
    "a challenge cut short": lambda: header_for(issue())[4:],
    "two headers": lambda: ",".join([header_for(issue())] * 2),
    "two headers with a space": lambda: ", ".join([header_for(issue())] * 2),
    "no header": lambda: "",
    "no proof": lambda: issue().challenge_id + ":",
    "no challenge": lambda: ":" + "A" * 43,
    "a challenge that is none": lambda: "abc:" + "A" * 43,
    "a challenge outside the alphabet": lambda: "~." * 32 + ":" + "A" * 43,
    "blanks": lambda: " " + header_for(issue()),
    "not ASCII": lambda: "é:" + "A" * 43,
}


@pytest.mark.parametrize("header", BAD.values(), ids=BAD.keys())
def test_refused_in_the_same_words(header: Any) -> None:
    with pytest.raises(AuthenticationError):
        check(header())


def test_for_another_key_in_the_body() -> None:
    with pytest.raises(AuthenticationError):
        check(header_for(issue()), public_key=encode_key(public_key_of(OTHER)))


def test_a_bad_key_gets_no_challenge() -> None:
    with pytest.raises(ValidationError):
        issue(key=base64.b64encode(bytes(32)).decode())


@pytest.mark.django_db
def test_good_once() -> None:
    proof = check(header_for(issue()))
    record_proof(proof)
    with pytest.raises(AuthenticationError):
        record_proof(proof)


@pytest.mark.django_db
def test_another_challenge_for_the_same_key_is_another() -> None:
    for _ in range(2):
        record_proof(check(header_for(issue(nonce=secrets.token_bytes(16)))))
    assert UsedChallenge.objects.count() == 2


@pytest.mark.django_db
def test_a_record_is_kept_for_as_long_as_its_challenge_could_pass() -> None:
    ahead = START + LIFETIME - timedelta(milliseconds=1)
    header = header_for(issue(ahead))
    record_proof(check(header))
    last = ahead + LIFETIME - timedelta(milliseconds=1)
    assert forget_challenges(now=last) == 0
    with pytest.raises(AuthenticationError):
        record_proof(check(header, now=last))


@pytest.mark.django_db
def test_old_records_are_forgotten() -> None:
    record_proof(check(header_for(issue())))
    assert forget_challenges(now=START + 2 * LIFETIME) == 1
    assert not UsedChallenge.objects.exists()
