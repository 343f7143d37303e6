"""What went through the tunnel adds up, whatever becomes of peers."""

from __future__ import annotations

import pytest

from agent.backend import PeerStats
from agent.traffic import TrafficMeter


def stats(**peers: tuple[int, int]) -> list[PeerStats]:
    return [PeerStats(key, None, 0.0, rx, tx) for key, (rx, tx) in peers.items()]


@pytest.mark.parametrize(
    ("looks", "total"),
    [
        ([], (0, 0)),
        ([stats(a=(5, 7))], (5, 7)),
        ([stats(a=(5, 7)), stats(a=(5, 7))], (5, 7)),
        ([stats(a=(5, 7)), stats(a=(9, 8))], (9, 8)),
        ([stats(a=(5, 7), b=(1, 1)), stats(a=(6, 7))], (7, 8)),
        ([stats(a=(5, 7)), stats(), stats(a=(2, 3))], (7, 10)),
        ([stats(a=(5, 7)), stats(a=(2, 9))], (7, 16)),
    ],
    ids=["nothing", "first", "the same", "more", "a peer goes", "a peer comes back", "a peer was made anew"],
)
def test_totals(looks: list[list[PeerStats]], total: tuple[int, int]) -> None:
    meter = TrafficMeter()
    for look in looks:
        meter.take(look)
    assert (meter.rx, meter.tx) == total


def test_what_heartbeats_tell() -> None:
    meter, other = TrafficMeter(), TrafficMeter()
    assert meter.told() == {}
    meter.take(stats(a=(5, 0)))
    assert meter.told() == {"counter": meter.counter, "rx_bytes": 5, "tx_bytes": 0}
    assert meter.counter != other.counter
