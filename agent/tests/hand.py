"""Brings hand-made maps to the machine it runs on: one JSON object a line in, ``ok`` or the error out.

``{"open": {"key": BASE64, "interface": NAME}}``, then ``{"map": {...}}`` as often as wished, ``{"cut": true}``,
``{"kill": true}`` (ends wireguard-go as a crash would), ``{"tend": true}``, ``{"close": true}``.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
from typing import Any

from agent.backend import DeviceConfig, choose_backend
from agent.clock import SystemClock
from agent.netmap import read_netmap
from agent.tunnel import Tunnel, TunnelOptions
from mesh.errors import GhostWireError
from mesh.keys import encode_key, public_key_of


class Hand:
    """One tunnel, driven by hand."""

    def __init__(self) -> None:
        self.tunnel: Tunnel | None = None
        self.own_key = ""

    def act(self, order: dict[str, Any]) -> str:
        """Carry out one order; what there is to say about it."""
        if "open" in order:
            private = base64.b64decode(order["open"]["key"])
            self.own_key = encode_key(public_key_of(private))
            backend = choose_backend("wireguard-go")
            config = DeviceConfig(order["open"]["interface"], private, 51820)
            self.tunnel = Tunnel(backend, config, TunnelOptions(True, "/etc/hosts"), SystemClock())
            self.tunnel.open()
            return "ok"
        assert self.tunnel is not None
        if "map" in order:
            self.tunnel.apply(read_netmap(order["map"], own_key=self.own_key))
        elif "cut" in order:
            self.tunnel.cut()
        elif "kill" in order:
            device = self.tunnel.backend._device  # type: ignore[attr-defined]
            os.kill(device._process.pid, signal.SIGKILL)
            device._process.wait()
        elif "tend" in order:
            restored = self.tunnel.restore()
            self.tunnel.tend()
            return f"restored={restored}"
        elif "close" in order:
            self.tunnel.close()
        return "ok"


def main() -> None:
    """Take orders until the input ends."""
    hand = Hand()
    for line in sys.stdin:
        try:
            answer = hand.act(json.loads(line))
        except GhostWireError as error:
            answer = f"error: {error.detail}"
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
