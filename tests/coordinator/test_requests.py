"""Where a request comes from, and what it is called."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from coordinator.requests import cause_of, origin_of, request_id_of


def test_the_id_that_was_given() -> None:
    request = RequestFactory().get("/", HTTP_X_REQUEST_ID="abc.DEF_0-9")
    assert request_id_of(request) == "abc.DEF_0-9"


@pytest.mark.parametrize("given", ["", "short", "a" * 65, "a b c d e f", "ünlesbar", "<script>"])
def test_another_gets_a_new_one_and_keeps_it(given: str) -> None:
    request = RequestFactory().get("/", HTTP_X_REQUEST_ID=given)
    made = request_id_of(request)
    assert len(made) == 16 and made != given
    assert request_id_of(request) == made


def test_origin_is_the_connection_and_no_header() -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR="203.0.113.1")
    assert origin_of(request) == "192.0.2.1"


def test_no_address_is_an_empty_origin() -> None:
    request = RequestFactory().get("/")
    request.META["REMOTE_ADDR"] = None
    assert origin_of(request) == ""


def test_causes() -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", HTTP_X_REQUEST_ID="request-1")
    assert [cause_of(request).actor, cause_of(request, node_id=3).actor, cause_of(request, user_id=4).actor] == [
        "registration",
        "node:3",
        "user:4",
    ]
    assert (cause_of(request).origin, cause_of(request).request_id) == ("192.0.2.1", "request-1")
