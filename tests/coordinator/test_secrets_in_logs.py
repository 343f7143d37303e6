"""Whatever happens, no key and no token reaches a log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from io import StringIO

import pytest
from django.conf import settings
from django.db import OperationalError

from ghostwire_site.logs import MaskingHandler
from sessions_app.models import User
from tests.agents import Machine
from tests.fixtures import KeyOf

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def written() -> Iterator[StringIO]:
    """What the portal's own log handler writes, down to the last level."""
    text = StringIO()
    root = logging.getLogger()
    (own,) = [handler for handler in root.handlers if isinstance(handler, MaskingHandler)]
    handler = MaskingHandler(text)
    handler.setFormatter(own.formatter)
    level = root.level
    root.addHandler(handler)
    root.setLevel(1)
    yield text
    root.removeHandler(handler)
    root.setLevel(level)


def test_neither_when_all_is_well_nor_when_nothing_is(
    ana: User, key_of: KeyOf, written: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, machine = key_of(ana), Machine()
    machine.register(key)
    token = machine.token or ""
    machine.netmap()
    machine.call("get", "netmap", headers={"Authorization": f"Bearer {token}x"})
    proof = machine.proof("register", b"{}")
    for error in (OperationalError(f"insert of {key} failed"), ValueError(f"{token} {proof} {machine.public_key}")):
        with monkeypatch.context() as patch:

            def fail(*args: object, error: Exception = error, **kwargs: object) -> None:
                raise error

            patch.setattr("coordinator.views.node.note_alive", fail)
            machine.call("get", "netmap")
            logging.getLogger("any").error(
                "headers: %s", {"GhostWire-Proof": proof, "Authorization": f"Bearer {token}"}
            )
    text = written.getvalue()
    assert "store.unavailable" in text and "request.failed" in text and "Traceback" in text
    for secret in (key, token, proof.partition(":")[2], machine.public_key, key[8:], token[8:]):
        assert secret not in text
    assert key[:8] in text


def test_nor_the_secrets_of_the_portal(written: StringIO) -> None:
    secrets = settings.GHOSTWIRE_SECRETS
    logging.getLogger("any").error("%r %s", secrets, {"peppers": secrets.peppers})
    text = written.getvalue()
    assert secrets.peppers[0].value.hex() not in text
    assert repr(secrets.peppers[0].value) not in text and repr(secrets.challenge) not in text
