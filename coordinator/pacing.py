"""Keeps what is large from holding up what is small: large maps are built two at a time and leave one by one.

A change may make thousands of agents see thousands of peers. Their deltas are not built while the change is handed
out, but by ``in_lane``, in two threads of their own, when each socket's turn comes; and of large frames the event loop
takes one a round (``Turnstile``), so that every small frame that is ready meanwhile leaves between two of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from django.db import close_old_connections

from mesh.compile.ids import IdSet
from mesh.netmap.compare import Comparison
from mesh.netmap.concern import concerned_by_policy
from mesh.netmap.ids import id_set
from mesh.netmap.state import State
from mesh.steps import Touch

P = ParamSpec("P")
T = TypeVar("T")

LARGE_BYTES: Final = 64 * 1024
"""A frame from this size on passes the turnstile."""
LARGE_PEERS: Final = 1000
"""A map, or a gain, of more peers than this is built in the lane: some 340 kB as text."""
LANE_WORKERS: Final = 2

_lane: Final = ThreadPoolExecutor(max_workers=LANE_WORKERS, thread_name_prefix="ghostwire-large")


async def in_lane(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """As ``in_thread``, for what takes long: it waits for others of its kind and never for more than that."""
    return await asyncio.get_running_loop().run_in_executor(_lane, partial(_connected, function, *args, **kwargs))


def _connected(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    close_old_connections()
    try:
        return function(*args, **kwargs)
    finally:
        close_old_connections()


class Turnstile:
    """Lets one caller through in each round of an event loop, in the order in which they came."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def pass_through(self) -> None:
        """Returns when it is the caller's turn; everything that is ready to run has run since the turn before."""
        async with self._lock:
            await asyncio.sleep(0)


_turnstiles: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, Turnstile]] = WeakKeyDictionary()


def turnstile() -> Turnstile:
    """The turnstile of the running loop."""
    loop = asyncio.get_running_loop()
    found = _turnstiles.get(loop)
    if found is None:
        found = _turnstiles[loop] = Turnstile()
    return found


def has_large_map(state: State | None, node_id: int) -> bool:
    """Whether the map of a node has many peers. A matter of microseconds."""
    return state is not None and len(state.policy.class_peers(state.policy.shape(node_id))) > LARGE_PEERS


def gaining_many(before: State, after: State, touch: Touch, local: IdSet) -> IdSet:
    """Those of the ``local`` agents who come to see many peers at once, by their policy class."""
    gaining = id_set(after)
    if before.policy is after.policy or not (touch.policy or touch.users or touch.network or touch.nodes):
        return gaining
    if touch.policy and not (touch.users or touch.network or touch.nodes):
        suspects = concerned_by_policy(Comparison(before, after, touch), local)
    elif touch.policy or touch.network or len(touch.nodes) > LARGE_PEERS:
        suspects = local
    else:
        # Others gain as many peers as nodes were touched, at the most.
        suspects = id_set(after, touch.nodes) & local
    gains: dict[tuple[tuple[int, ...], tuple[int, ...]], bool] = {}
    for node_id in suspects:
        was, is_ = before.policy.shape(node_id), after.policy.shape(node_id)
        large = gains.get((was.all, is_.all))
        if large is None:
            new, old = after.policy.class_peers(is_), id_set(after, before.policy.class_peers(was))
            large = gains[was.all, is_.all] = len(new) > LARGE_PEERS and len(new - old) > LARGE_PEERS
        if large:
            gaining.add(node_id)
    return gaining
