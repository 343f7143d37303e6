"""What workers share besides the database: Redis where there is one, else the memory of the one process."""

from __future__ import annotations

from typing import Any

from ghostwire_site.config import Config

PREFIX = "ghostwire"
TIMEOUT_SECONDS = 5
"""How long Redis may take to answer, or to take a connection, before it counts as away."""


def cache_settings(config: Config) -> dict[str, Any]:
    """Make Django's CACHES."""
    if not config.redis.url:
        return {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": PREFIX}}
    return {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": str(config.redis.url),
            "KEY_PREFIX": PREFIX,
            "OPTIONS": _connections(config),
        }
    }


def channel_layer_settings(config: Config) -> dict[str, Any]:
    """Make Channels' CHANNEL_LAYERS: the pub/sub layer, since the core layer drops the newest message when full."""
    if not config.redis.url:
        return {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    host = {"address": str(config.redis.url), **_connections(config)}
    return {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [host], "prefix": PREFIX},
        }
    }


def _connections(config: Config) -> dict[str, Any]:
    """Bounds of a pool of connections: redis-py would open at most 100, and wait for each as long as it takes."""
    return {
        "max_connections": config.redis.max_connections,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "socket_timeout": TIMEOUT_SECONDS,
    }
