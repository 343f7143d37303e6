"""How a map reaches the machine: the kernel's WireGuard, wireguard-go, or only in words."""

from __future__ import annotations

from agent.backend.base import Backend, Device, DeviceConfig, PeerStats, PeerUpdate
from agent.backend.choose import choose_backend

__all__ = ["Backend", "Device", "DeviceConfig", "PeerStats", "PeerUpdate", "choose_backend"]
