"""What a replica keeps of the past: enough for those who lag, and never without bound."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.replica.history import COMPILED_SHARE, KEPT_STATES, KEPT_WEIGHT, History
from mesh.steps import Touch


class Fake:
    """A state as far as a history looks at one."""

    def __init__(self, version: int, *, nodes: int = 0, lineage: object = None) -> None:
        self.version = version
        self.lineage = lineage
        self.policy = self.topology = self
        self.nodes = range(nodes)


def fill(touches: list[Touch], **options: Any) -> History:
    history = History()
    history.add(Fake(0, **options), Touch())  # type: ignore[arg-type]
    for version, touch in enumerate(touches, 1):
        history.add(Fake(version, **options), touch)  # type: ignore[arg-type]
    return history


def test_what_was_concerned_since_a_version() -> None:
    history = fill([Touch(nodes={1}), Touch(nodes={2}), Touch(users={3}, policy=True)])
    found = history.since(1)
    assert found is not None
    state, touch = found
    assert state.version == 1
    assert touch == Touch(nodes={2}, users={3}, policy=True)


@pytest.mark.parametrize("version", [-1, 4])
def test_a_version_that_is_not_there(version: int) -> None:
    assert fill([Touch(), Touch(), Touch()]).since(version) is None


def test_small_steps_are_kept_up_to_a_number() -> None:
    history = fill([Touch(nodes={1})] * (KEPT_STATES + 50))
    assert len(history) == KEPT_STATES


def test_large_steps_are_kept_up_to_a_weight() -> None:
    large = Touch(nodes=set(range(2000)))
    history = fill([large] * 100)
    assert len(history) == KEPT_WEIGHT // 2001 + 1


def test_the_latest_is_kept_whatever_it_weighs() -> None:
    history = fill([Touch(nodes=set(range(3 * KEPT_WEIGHT)))])
    assert len(history) == 1
    assert history.since(1) is not None


def test_small_steps_after_a_large_one_push_it_out_and_then_stay() -> None:
    history = fill([Touch(nodes=set(range(KEPT_WEIGHT - 10)))] + [Touch(nodes={1})] * 20)
    assert history.since(0) is None
    # All but the large step are light: the state that it led to and those after.
    assert history.since(1) is not None


def test_a_policy_that_was_compiled_anew_weighs_a_part_of_all_nodes() -> None:
    nodes = 50_000
    history = History()
    for version in range(20):
        history.add(Fake(version, nodes=nodes, lineage=object()), Touch(policy=True))  # type: ignore[arg-type]
    assert len(history) == KEPT_WEIGHT // (nodes // COMPILED_SHARE + 1) + 1


def test_nothing_is_left_after_clearing() -> None:
    history = fill([Touch(nodes=set(range(1000)))] * 5)
    history.clear()
    assert history.since(5) is None
    assert (len(history), history._weight) == (0, 0)
