"""What this process counts, for Prometheus, where it happens. What is read when asked for is in ``gauges``.

No label holds what a stranger chooses: routes are the portal's own patterns, never paths.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

REGISTRY: Final = CollectorRegistry(auto_describe=False)
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

_QUICK: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Requests(Collector):
    """HTTP requests by route, method and status, and their times by route.

    Plain numbers, since all of them are counted on one event loop: the library's counters take a lock and several
    calls each, which is a good part of what a heartbeat costs.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, int], int] = {}
        self._times: dict[str, tuple[list[int], list[float]]] = {}

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """Counts one request; ``status`` 0: it got no answer."""
        key = (route, method, status)
        self._counts[key] = self._counts.get(key, 0) + 1
        times = self._times.get(route)
        if times is None:
            times = self._times[route] = ([0] * (len(_QUICK) + 1), [0.0])
        buckets, in_all = times
        buckets[bisect_left(_QUICK, seconds)] += 1
        in_all[0] += seconds

    def collect(self) -> Iterator[Metric]:
        """What was counted so far."""
        counts = CounterMetricFamily(
            "ghostwire_http_requests", "HTTP requests answered.", labels=("route", "method", "status")
        )
        for (route, method, status), count in list(self._counts.items()):
            counts.add_metric((route, method, str(status or "none")), count)
        times = HistogramMetricFamily(
            "ghostwire_http_request_seconds", "Time from a request to the end of its answer.", labels=("route",)
        )
        for route, (buckets, in_all) in list(self._times.items()):
            bounds = [*map(str, _QUICK), "+Inf"]
            times.add_metric((route,), list(zip(bounds, accumulate(buckets), strict=True)), in_all[0])
        yield from (counts, times)


class Heartbeats(Collector):
    """Heartbeats answered and refused over REST and sockets; counted on one event loop, as requests are."""

    def __init__(self) -> None:
        self.from_memory = 0
        self.from_database = 0
        self._refused: dict[tuple[str, str], int] = {}

    def refuse(self, way: str, code: str) -> None:
        """Counts one refused heartbeat: ``way`` is ``rest`` or ``socket``, ``code`` the error's."""
        self._refused[way, code] = self._refused.get((way, code), 0) + 1

    def collect(self) -> Iterator[Metric]:
        """What was counted so far."""
        counts = CounterMetricFamily("ghostwire_heartbeats", "Heartbeats answered.", labels=("answered",))
        counts.add_metric(("memory",), self.from_memory)
        counts.add_metric(("database",), self.from_database)
        refused = CounterMetricFamily("ghostwire_heartbeats_refused", "Heartbeats refused.", labels=("way", "code"))
        for (way, code), count in list(self._refused.items()):
            refused.add_metric((way, code), count)
        yield from (counts, refused)


class Validations(Collector):
    """Sessions of nodes looked at for a request, a socket or a message. Memory is asked on one event loop alone, the
    database in threads."""

    _NAME = "ghostwire_session_validations"

    def __init__(self) -> None:
        self.from_memory = 0
        self._asked = Counter(self._NAME, "Sessions of nodes looked at.", ("result", "source"), registry=None)
        self.accepted, self.unauthenticated, self.not_permitted, self.failed = (
            self._asked.labels(result, "database") for result in ("accepted", "authentication", "permission", "error")
        )

    def collect(self) -> Iterator[Metric]:
        """What was counted so far."""
        for counts in self._asked.collect():
            counts.add_sample(f"{self._NAME}_total", {"result": "accepted", "source": "memory"}, self.from_memory)
            yield counts


REQUESTS: Final = Requests()
HEARTBEATS: Final = Heartbeats()
VALIDATIONS: Final = Validations()
for _collector in (REQUESTS, HEARTBEATS, VALIDATIONS):
    REGISTRY.register(_collector)
FRAMES: Final = Counter("ghostwire_frames", "Frames sent to agents' sockets.", ("kind",), registry=REGISTRY)
FRAME_BYTES: Final = Counter(
    "ghostwire_frame_bytes", "Bytes in frames sent to agents' sockets.", ("kind",), registry=REGISTRY
)
REFUSALS: Final = Counter(
    "ghostwire_refusals", "Requests and messages refused, by the error's code.", ("way", "code"), registry=REGISTRY
)
"""``way``: ``request``, which an upgrade to a socket is too, or ``message``: one on a socket."""
ACKNOWLEDGED_SECONDS: Final = Histogram(
    "ghostwire_acknowledgement_lag_seconds",
    "From a change to the acknowledgement of the push that told an agent of it.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
    registry=REGISTRY,
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
