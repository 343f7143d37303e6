"""Runs what blocks (SQL, map building) in threads, away from the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

from django.db import close_old_connections

P = ParamSpec("P")
T = TypeVar("T")

WORKERS: Final = 8
_executor: Final = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="ghostwire-db")


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls ``function`` in a thread with a sound database connection and returns what it returns or raises."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_executor, partial(_with_connection, function, *args, **kwargs))


def _with_connection(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    close_old_connections()
    try:
        return function(*args, **kwargs)
    finally:
        close_old_connections()
