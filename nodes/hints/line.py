"""The line between worker processes: one subscription a process, in a thread with an event loop of its own.

That thread is the only one that waits for Redis. Who commits leaves the version here and goes on; several versions of
a network that wait are one hint, with the latest. The loop is this thread's own, since neither sync code nor every
ASGI server has one that lives as long as the process.

What a process sends comes back to it. If it does not, the subscription is dead in a way that no error told of, and
the line begins anew with a fresh loop: channels-redis keeps its state by loop, and a failed subscription stays in it.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import secrets
import threading
from typing import Any, Final

import structlog
from channels.layers import get_channel_layer  # type: ignore[import-untyped]
from prometheus_client import Counter
from redis.exceptions import RedisError

from nodes.hints.local import Listener, TopicListener

log = structlog.get_logger(__name__)

GROUP: Final = "changes"
MESSAGE: Final = "ghostwire.moved"
SEND_SECONDS: Final = 5.0
# Between two messages of one process: a burst of changes becomes a few hints.
PAUSE_SECONDS: Final = 0.02
# How long a message may take to come back, and how often one is sent when there is nothing to say.
ECHO_SECONDS: Final = 5.0
IDLE_SECONDS: Final = 15.0
RETRY_SECONDS: Final = 1.0
# What a process that ends waits for its last hints.
DRAIN_SECONDS: Final = 1.0

# Registered by whoever shows figures.
LOST: Final = Counter(
    "ghostwire_hints_lost",
    "Hints that could not be sent to other processes, whose polls make up for it.",
    registry=None,
)
LIBRARY_LOG: Final = logging.getLogger("channels_redis.pubsub")


class DeafError(Exception):
    """What was sent did not come back."""


class Line:
    """Sends from the first ``send`` on, and hears others from ``listen`` on. All methods are for any thread."""

    def __init__(self, tell: Listener, tell_topic: TopicListener | None = None) -> None:
        self._tell = tell
        self._tell_topic = tell_topic
        self._condition = threading.Condition()
        self._stopping = threading.Event()
        self._pending: dict[int, int] = {}
        self._topics: set[tuple[str, int]] = set()
        self._sending = False
        self._listening = False
        self._away = False
        self._thread: threading.Thread | None = None
        self._forget_loop()
        os.register_at_fork(after_in_child=self._begin_in_child)

    def send(self, network_id: int, version: int) -> None:
        """Leaves a hint for the others. Never waits, and never raises for what is wrong with Redis."""
        with self._condition:
            self._pending[network_id] = max(version, self._pending.get(network_id, 0))
            self._start()
            self._nudge()

    def send_topic(self, topic: str, network_id: int) -> None:
        """Leaves word for the pages of the others. As ``send``; what cannot be sent is lost."""
        with self._condition:
            self._topics.add((topic, network_id))
            self._start()
            self._nudge()

    def listen(self) -> None:
        """From now on, or as soon as Redis is there, passes on what others send."""
        with self._condition:
            self._listening = True
            self._start()
            self._nudge()

    @property
    def is_away(self) -> bool:
        """Whether the last try to reach the others failed."""
        return self._away

    @property
    def is_heard(self) -> bool:
        """Whether others are heard: something that this process sent came back over the subscription it has now."""
        return self._heard

    def drain(self, seconds: float = DRAIN_SECONDS) -> bool:
        """Waits until what was left is sent, or given up; False if that took too long."""
        with self._condition:
            return self._condition.wait_for(lambda: not (self._pending or self._topics or self._sending), seconds)

    def stop(self) -> None:
        """Sends what waits and ends the thread."""
        atexit.unregister(self.stop)
        with self._condition:
            thread = self._thread
        if thread is None:
            return
        self.drain()
        self._stopping.set()
        with self._condition:
            self._nudge()
        thread.join(SEND_SECONDS)

    def _start(self) -> None:
        if self._thread is None and not self._stopping.is_set():
            self._thread = threading.Thread(target=self._run, name="ghostwire-hints", daemon=True)
            self._thread.start()
            # A command that commits and ends has its hint sent all the same.
            atexit.register(self.stop)

    def _nudge(self) -> None:
        # Under the lock, so that the loop is not closed meanwhile.
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._news.set)

    def _forget_loop(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._heard = False
        # Since when something that was sent is on its way back.
        self._waiting_since: float | None = None
        self._name = secrets.token_hex(8)

    def _begin_in_child(self) -> None:
        """A forked process has none of its parent's threads, and is another one to all."""
        self._condition = threading.Condition()
        self._pending, self._topics, self._sending, self._thread = {}, set(), False, None
        self._forget_loop()
        if self._listening:
            self._start()

    # --- The thread

    def _run(self) -> None:
        LIBRARY_LOG.addFilter(self._overhear)
        while not self._stopping.is_set():
            try:
                asyncio.run(self._session())
            except Exception as error:  # noqa: BLE001 - the thread outlives any fault, and says so once
                self._note_away(error)
                self._stopping.wait(RETRY_SECONDS)
        LIBRARY_LOG.removeFilter(self._overhear)

    async def _session(self) -> None:
        """Sends and hears until told to stop. Raises what the subscription failed with."""
        with self._condition:
            self._forget_loop()
            self._loop = asyncio.get_running_loop()
        layer: Any = get_channel_layer()
        receiver: asyncio.Task[None] | None = None
        idle = False
        try:
            while not self._stopping.is_set():
                if self._listening and receiver is None:
                    receiver = await self._subscribe(layer)
                    idle = True
                if receiver is not None and receiver.done():
                    receiver.result()
                self._news.clear()
                await self._send_pending(layer, echo=idle and receiver is not None)
                idle = not await self._has_news()
        finally:
            with self._condition:
                self._forget_loop()
            if receiver is not None:
                receiver.cancel()
                await asyncio.wait({receiver}, timeout=SEND_SECONDS)

    async def _subscribe(self, layer: Any) -> asyncio.Task[None]:
        async with asyncio.timeout(SEND_SECONDS):
            channel = await layer.new_channel()
            await layer.group_add(GROUP, channel)
        return asyncio.create_task(self._receive(layer, channel))

    async def _receive(self, layer: Any, channel: str) -> None:
        while True:
            message = await layer.receive(channel)
            if message.get("type") != MESSAGE:
                continue
            if message["from"] == self._name:
                self._waiting_since, self._heard = None, True
                continue
            for network_id, version in message["versions"]:
                self._tell(network_id, version)
            # A process of an earlier release sends none.
            for topic, network_id in message.get("topics", ()):
                if self._tell_topic is not None:
                    self._tell_topic(topic, network_id)

    async def _send_pending(self, layer: Any, *, echo: bool) -> None:
        """Sends what waits, as one message; with ``echo`` also when nothing does."""
        with self._condition:
            pending, self._pending = self._pending, {}
            topics, self._topics = self._topics, set()
            self._sending = bool(pending or topics)
        try:
            if pending or topics or echo:
                message: dict[str, Any] = {"type": MESSAGE, "from": self._name, "versions": list(pending.items())}
                if topics:
                    message["topics"] = sorted(topics)
                async with asyncio.timeout(SEND_SECONDS):
                    await layer.group_send(GROUP, message)
                self._note_reached()
                await asyncio.sleep(PAUSE_SECONDS)
        except (RedisError, OSError, TimeoutError) as error:
            LOST.inc(len(pending) + len(topics))
            self._note_away(error)
        finally:
            with self._condition:
                self._sending = False
                self._condition.notify_all()

    async def _has_news(self) -> bool:
        """Waits for something to send; False if there is nothing, but it is time to be heard again.

        Raises DeafError if this process does not hear itself.
        """
        now = asyncio.get_running_loop().time()
        if self._waiting_since is not None and now - self._waiting_since > ECHO_SECONDS:
            raise DeafError(f"nothing that was sent came back within {ECHO_SECONDS:g} s")
        seconds = RETRY_SECONDS if self._away or self._waiting_since is not None else IDLE_SECONDS
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    # --- Said once, not for every change

    def _note_reached(self) -> None:
        if self._listening and self._waiting_since is None:
            self._waiting_since = asyncio.get_running_loop().time()
        if self._away:
            self._away = False
            log.info("hints.back")

    def _note_away(self, error: BaseException) -> None:
        if not self._away:
            self._away = True
            log.warning("hints.away", error=f"{type(error).__name__}: {error}")

    def _overhear(self, record: logging.LogRecord) -> bool:
        """The library writes a traceback a second while Redis is away; one line for all of that time is enough."""
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if isinstance(error, RedisError | OSError):
            self._note_away(error)
            return False
        return not isinstance(error, asyncio.CancelledError)
