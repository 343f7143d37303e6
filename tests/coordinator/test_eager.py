"""Coroutines that are begun at once, and finished by a task where they have to wait."""

from __future__ import annotations

import asyncio

import pytest

from coordinator.eager import begin


async def test_what_need_not_wait_is_done_at_once() -> None:
    done: list[int] = []

    async def work() -> None:
        done.append(1)

    assert begin(work()) is None
    assert done == [1]


async def test_what_waits_is_finished_by_a_task() -> None:
    event, done = asyncio.Event(), list[str]()

    async def work() -> None:
        done.append("begun")
        await event.wait()
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        done.append("finished")

    begun = begin(work())
    assert begun is not None
    assert done == ["begun"]

    async def finish() -> None:
        await begun

    task = asyncio.create_task(finish())
    await asyncio.sleep(0)
    event.set()
    await task
    assert done == ["begun", "finished"]


async def test_errors_come_out_at_both_places() -> None:
    async def fails(first: bool) -> None:
        if not first:
            await asyncio.sleep(0)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        begin(fails(True))
    begun = begin(fails(False))
    assert begun is not None
    with pytest.raises(OSError, match="gone"):
        await begun


async def test_a_cancelled_task_ends_what_it_was_to_finish() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    begun = begin(work())
    assert begun is not None

    async def finish() -> None:
        await begun

    task = asyncio.create_task(finish())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]
