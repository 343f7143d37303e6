from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.utils import timezone

from coordinator.limits import limit_store
from coordinator.networks import ensure_network
from coordinator.snapshots import SNAPSHOTS
from coordinator.tail import TAIL, Tail
from mesh.change import Cause
from nodes.models import Network
from nodes.presence import presence_store
from sessions_app.models import User
from sessions_app.services.auth_keys import create_auth_key
from sessions_app.services.users import create_user


@pytest.fixture(autouse=True)
def quiet_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No thread follows the database on its own, and nothing in memory outlives a test."""
    monkeypatch.setattr(Tail, "start", lambda self: None)
    limit_store.cache_clear()
    presence_store.cache_clear()
    SNAPSHOTS.clear()
    yield
    assert TAIL is not None


@pytest.fixture
def network(db: None) -> Network:
    return ensure_network(config=settings.GHOSTWIRE, now=timezone.now(), random5=b"\1\2\3\4\5")


@pytest.fixture
def ana(network: Network) -> User:
    return create_user(login="ana@example.com", cause=Cause.command(), now=timezone.now())


@pytest.fixture
def key_of(network: Network) -> Callable[..., str]:
    """Makes an auth key and returns its secret."""

    def make(owner: User | None = None, **options: object) -> str:
        created = create_auth_key(
            network_id=network.pk,
            owner_id=None if owner is None else owner.pk,
            now=timezone.now(),
            random32=secrets.token_bytes(32),
            **options,  # type: ignore[arg-type]
        )
        return created.secret

    return make
