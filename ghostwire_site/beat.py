"""Celery's beat, of which one works and others stand by: a lock in Redis says which."""

from __future__ import annotations

from typing import Any, Final

import structlog
from celery.beat import Scheduler
from django.conf import settings
from redis import Redis
from redis.exceptions import LockError, RedisError
from redis.lock import Lock

from ghostwire_site.shared_memory import TIMEOUT_SECONDS

log = structlog.get_logger(__name__)

LOCK_NAME: Final = "ghostwire:beat"
LOCK_SECONDS: Final = 15.0
"""After this a beat that died without a word is replaced by one that stands by."""
STAND_BY_SECONDS: Final = 1.0


class OneBeat(Scheduler):
    """Sends tasks while it holds the lock. Without Redis nothing could be sent either."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        client = Redis.from_url(
            str(settings.GHOSTWIRE.redis.url), socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
        )
        self._lock = Lock(client, LOCK_NAME, timeout=LOCK_SECONDS, blocking=False, thread_local=False)
        self._works = False
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due if it is this one's turn; give the seconds until the next look."""
        if not self._holds():
            return STAND_BY_SECONDS
        seconds: float = super().tick(*args, **kwargs)
        return seconds

    def close(self) -> None:
        """Let another take over at once. Celery closes twice."""
        works, self._works = self._works, False
        try:
            if works:
                self._lock.release()
        except (RedisError, LockError) as error:
            log.warning("beat.not_released", error=str(error))
        super().close()

    def _holds(self) -> bool:
        try:
            works = self._renewed() or self._lock.acquire()
        except RedisError as error:
            log.warning("beat.redis_unavailable", error=str(error))
            works = False
        if works != self._works:
            log.info("beat.works" if works else "beat.stands_by")
            self._works = works
        return works

    def _renewed(self) -> bool:
        """Whether the lock is still this one's: a flushed Redis has forgotten it."""
        if not self._works:
            return False
        try:
            return bool(self._lock.reacquire())
        except LockError:
            return False
