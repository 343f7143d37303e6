"""What workers share besides the database: Redis where there is one, else the memory of the one process."""

from __future__ import annotations

from typing import Any

from ghostwire_site.config import Config

PREFIX = "ghostwire"


def cache_settings(config: Config) -> dict[str, Any]:
    """Make Django's CACHES."""
    if not config.redis.url:
        return {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": PREFIX}}
    return {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": str(config.redis.url),
            "KEY_PREFIX": PREFIX,
            "OPTIONS": {"max_connections": config.redis.max_connections},
        }
    }


def channel_layer_settings(config: Config) -> dict[str, Any]:
    """Make Channels' CHANNEL_LAYERS: the pub/sub layer, since the core layer drops the newest message when full."""
    if not config.redis.url:
        return {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    host = {"address": str(config.redis.url), "max_connections": config.redis.max_connections}
    return {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [host], "prefix": PREFIX},
        }
    }
