"""The connection to what processes share."""

from __future__ import annotations

from typing import Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

TIMEOUT_SECONDS: Final = 3


def redis_client(url: object) -> Redis:
    """A client of the Redis at ``url``; it connects when it is first used.

    It tries once more, at once, where a connection died: with a restart they all do. One that hangs is given up after
    its time. The library's own tries with growing pauses would keep a page waiting for longer than anybody does.
    """
    return Redis.from_url(
        str(url),
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    )
