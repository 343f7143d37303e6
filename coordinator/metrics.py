"""What this process counts, for Prometheus, where it happens. What is read when asked for is in ``gauges``.

No label holds what a stranger chooses: routes are the portal's own patterns, never paths.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, PlatformCollector, ProcessCollector

REGISTRY: Final = CollectorRegistry(auto_describe=False)
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

_QUICK: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REQUESTS: Final = Counter(
    "ghostwire_http_requests", "HTTP requests answered.", ("route", "method", "status"), registry=REGISTRY
)
REQUEST_SECONDS: Final = Histogram(
    "ghostwire_http_request_seconds",
    "Time from a request to the end of its answer.",
    ("route",),
    buckets=_QUICK,
    registry=REGISTRY,
)
HEARTBEATS: Final = Counter(
    "ghostwire_heartbeats", "Heartbeats answered, over REST and sockets.", ("answered",), registry=REGISTRY
)
FRAMES: Final = Counter("ghostwire_frames", "Frames sent to agents' sockets.", ("kind",), registry=REGISTRY)
FRAME_BYTES: Final = Counter(
    "ghostwire_frame_bytes", "Bytes in frames sent to agents' sockets.", ("kind",), registry=REGISTRY
)
MAPS: Final = Histogram(
    "ghostwire_map_build_seconds", "Time to build one whole map.", buckets=_QUICK, registry=REGISTRY
)
CHANGES: Final = Counter("ghostwire_changes", "Changes that this process committed.", ("kind",), registry=REGISTRY)
TASK_SECONDS: Final = Histogram(
    "ghostwire_task_seconds",
    "Duration of periodic tasks.",
    ("task", "outcome"),
    buckets=(0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0),
    registry=REGISTRY,
)


_FRAMES: Final = {kind: (FRAMES.labels(kind), FRAME_BYTES.labels(kind)) for kind in ("netmap", "delta", "answer")}


def count_frame(kind: str, size: int) -> None:
    """Counts a frame that was sent: ``kind`` is ``netmap``, ``delta`` or ``answer``, ``size`` its bytes."""
    frames, size_in_all = _FRAMES[kind]
    frames.inc()
    size_in_all.inc(size)
