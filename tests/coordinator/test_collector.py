"""The collector rests while large states are made, and works again afterwards, whatever happened."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from coordinator.replica import collector as module
from coordinator.replica.collector import loading, resting, return_memory


@pytest.fixture(autouse=True)
def nothing_set_aside_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_times", 0)


def test_it_rests_meanwhile() -> None:
    with resting():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_works_again_after_an_error() -> None:
    with pytest.raises(ValueError, match="broken"), loading():
        raise ValueError("broken")
    assert gc.isenabled()


def test_it_rests_until_the_last_is_done() -> None:
    with loading():
        with resting():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_large_state_is_set_aside() -> None:
    before = gc.get_freeze_count()
    with loading():
        state: list[Any] = [[] for _ in range(module.LEAST_OBJECTS)]
    assert gc.get_freeze_count() - before >= len(state)


def test_a_small_one_is_not() -> None:
    gc.collect()
    before = gc.get_freeze_count()
    with loading():
        state: list[Any] = [[] for _ in range(10)]
    assert gc.get_freeze_count() <= before
    del state


def test_nor_is_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TIMES", 0)
    before = gc.get_freeze_count()
    with loading():
        state: list[Any] = [[] for _ in range(module.LEAST_OBJECTS)]
    assert gc.get_freeze_count() <= before
    del state


def test_a_library_that_cannot_give_back_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_library", lambda: None)
    return_memory()
