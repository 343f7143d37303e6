"""What one connection has yet to tell its agent, and from which version on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from coordinator.fanout import Audience, Push
from coordinator.frames import NOTHING, Body, Frame, delta_frame, netmap_frame
from coordinator.limits import FULL_MAPS, enforce
from coordinator.pacing import has_large_map, in_lane
from coordinator.presence import note_alive
from coordinator.replica import REPLICAS
from coordinator.telling import Telling, catch_up, first_telling, quick_telling
from coordinator.threads import in_thread


@dataclass(frozen=True, slots=True)
class MapFrame:
    """A frame that brings its reader to ``at`` (epoch, version); ``whole``: with a whole map.

    ``changed_at``: when the first of the changes that it was pushed for was made; None for what was not pushed.
    """

    frame: Frame
    at: tuple[int, int]
    whole: bool = False
    changed_at: datetime | None = None


class News:
    """Keeps versions, and at most one push whose body it shares with others: never what was missed itself.

    What does not follow on what was told, or comes while something waits, only says that there is something to tell;
    it is worked out when the agent can take it. Not for several tasks at once.
    """

    __slots__ = (
        "_at", "_audience", "_behind", "_changed_at", "_epoch", "_first", "_least", "_ready", "_sent", "_zstd",
    )  # fmt: skip

    def __init__(self, audience: Audience, *, epoch: int, least: int, zstd: bool) -> None:
        """``least``: the version that the network had reached when the agent was admitted."""
        self._audience = audience
        self._least = least
        self._zstd = zstd
        self._epoch = epoch
        # The version that was sent last, None before the first map; and the one up to which nothing is left to tell,
        # which is later where the node could not see what happened in between.
        self._sent: int | None = None
        self._at: int | None = None
        self._first: tuple[Telling, Frame | None] | None = None
        self._ready: Push | None = None
        self._behind = False
        # When the first change that waits was made.
        self._changed_at: datetime | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether there may be something to tell."""
        return self._first is not None or (self._at is not None and (self._behind or self._ready is not None))

    @property
    def sent(self) -> tuple[int, int] | None:
        """Epoch and version that the agent was brought to; None before its first map."""
        return None if self._sent is None else (self._epoch, self._sent)

    def add(self, push: Push) -> None:
        """Takes what the fan-out has."""
        if self._at is None:
            # Before the first map is out, that map may be older than this change.
            self._behind = True
        elif push.epoch != self._epoch:
            # Versions of two epochs say nothing about each other: only a whole map will do.
            self._ready, self._behind = None, True
        elif push.to <= self._at:
            return
        elif push.body is None or push.start < self._at or self.is_waiting:
            if not self.is_waiting:
                # Whatever came before this push was told, or is nothing that the node sees.
                self._at = max(self._at, push.start)
            self._ready, self._behind = None, True
        else:
            self._ready, self._at = push, push.start
        if self._changed_at is None:
            self._changed_at = push.changed_at

    def pass_on(self, push: Push) -> MapFrame | None:
        """The frame of a push that can be told as it is, at once; None if it has to be added."""
        if (
            self._sent is None
            or self._at is None
            or push.body is None
            or push.epoch != self._epoch
            or not self._at <= push.start < push.to
            or self.is_waiting
        ):
            return None
        start, self._sent, self._at = self._sent, push.to, push.to
        frame = delta_frame(push.body, epoch=self._epoch, start=start, to=push.to, zstd=self._zstd)
        return MapFrame(frame, (self._epoch, push.to), changed_at=push.changed_at)

    def add_nothing(self, to: int, *, least: int) -> None:
        """Has an empty delta told to an agent that is ``least`` versions or more behind ``to``, all of them such that
        it could not see."""
        if self._sent is not None and not self.is_waiting and to - self._sent >= least:
            self._ready = Push(self._epoch, self._sent, to, NOTHING)

    async def begin(self, since: str | None) -> int | None:
        """Works out the answer to hello. Returns the close code where the connection has to end instead.

        Raises ThrottledError if the agent asks for whole maps too often, NotFoundError if it has none any more.
        """
        telling, frame = quick_telling(self._audience, since, self._least), None
        if telling is None:
            telling, frame = await self._apart()(self._answer, since)
        else:
            self._note_alive(telling)
        if telling.code is not None:
            code: int = telling.code
            return code
        self._first, self._at = (telling, frame), telling.version
        return None

    async def next_frame(self) -> MapFrame | None:
        """The frame to send now; None if it turned out that the agent sees nothing of what happened.

        Raises NotFoundError for a node that takes no part any more: its connection is about to be closed.
        """
        if self._first is not None:
            (telling, frame), self._first = self._first, None
            return self._told(telling, frame)
        changed_at, self._changed_at = self._changed_at, None
        push, self._ready = self._ready, None
        if push is not None and not self._behind:
            assert push.body is not None
            assert self._sent is not None
            start, self._sent, self._at = self._sent, push.to, push.to
            frame = delta_frame(push.body, epoch=self._epoch, start=start, to=push.to, zstd=self._zstd)
            return MapFrame(frame, (self._epoch, push.to), changed_at=changed_at)
        self._behind = False
        telling, frame = await self._apart()(self._catch_up, self._epoch, self._at)
        self._overtake(telling.version)
        if frame is None and telling.members is None:
            self._at = telling.version
            return None
        return replace(self._told(telling, frame), changed_at=changed_at)

    def _overtake(self, version: int) -> None:
        """Drops a push that came while the way to ``version`` was worked out, as far as that way holds it already:
        told after it, it would lead the agent back."""
        if self._ready is not None and self._ready.start < version:
            self._behind = self._behind or self._ready.to > version
            self._ready = None

    def _told(self, telling: Telling, frame: Frame | None) -> MapFrame:
        start = telling.start if self._sent is None else self._sent
        self._sent = self._at = telling.version
        self._epoch = telling.epoch
        at = (telling.epoch, telling.version)
        if frame is not None:
            return MapFrame(frame, at, whole=True)
        assert start is not None
        body = Body(telling.members)
        return MapFrame(delta_frame(body, epoch=telling.epoch, start=start, to=telling.version, zstd=self._zstd), at)

    def _apart(self) -> Callable[..., Any]:
        """Where to work it out: many peers take long."""
        state = REPLICAS.of(self._audience.network_id).state
        return in_lane if has_large_map(state, self._audience.node_id) else in_thread

    # --- In threads

    def _answer(self, since: str | None) -> tuple[Telling, Frame | None]:
        telling = first_telling(self._audience, since, self._least)
        if telling.pieces is not None:
            enforce(FULL_MAPS, str(self._audience.node_id), timezone.now().timestamp())
        self._note_alive(telling)
        return self._with_frame(telling)

    def _note_alive(self, telling: Telling) -> None:
        audience = self._audience
        note_alive(audience.network_id, audience.node_id, is_online=telling.is_online, now=timezone.now())

    def _catch_up(self, epoch: int, version: int | None) -> tuple[Telling, Frame | None]:
        return self._with_frame(catch_up(self._audience, epoch, version))

    def _with_frame(self, telling: Telling) -> tuple[Telling, Frame | None]:
        return telling, None if telling.pieces is None else netmap_frame(telling.pieces, zstd=self._zstd)
