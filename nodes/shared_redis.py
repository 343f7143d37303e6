"""The connection to what processes share."""

from __future__ import annotations

from typing import Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT_SECONDS: Final = 5


def redis_client(url: object) -> Redis:
    """A client of the Redis at ``url``; it connects when it is first used.

    It tries once more, at once: a connection that died with a restart is replaced. The library's own ten tries with
    growing pauses would keep a page waiting for longer than anybody does.
    """
    return Redis.from_url(
        str(url),
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )
