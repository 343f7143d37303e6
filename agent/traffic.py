"""What went through the tunnel: WireGuard counts by peer, and forgets a peer's count with the peer."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from agent.backend import PeerStats


class TrafficMeter:
    """Totals of one tunnel since it was made, which only grow. ``counter`` tells one tunnel's from another's."""

    def __init__(self) -> None:
        self.counter = uuid.uuid4().hex[:16]
        self.rx = 0
        self.tx = 0
        self._last: dict[str, tuple[int, int]] = {}

    def take(self, stats: Iterable[PeerStats]) -> None:
        """Add what the device counted since the last time. A peer whose counts fell was taken away and is new."""
        now = {peer.key: (peer.rx, peer.tx) for peer in stats}
        for key, (rx, tx) in now.items():
            last_rx, last_tx = self._last.get(key, (0, 0))
            fell = rx < last_rx or tx < last_tx
            self.rx += rx if fell else rx - last_rx
            self.tx += tx if fell else tx - last_tx
        self._last = now

    def told(self) -> dict[str, Any]:
        """The member ``traffic`` of a heartbeat; nothing before anything went through."""
        if not self.rx and not self.tx:
            return {}
        return {"counter": self.counter, "rx_bytes": self.rx, "tx_bytes": self.tx}
