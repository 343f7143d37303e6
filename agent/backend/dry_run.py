"""A backend that only says what it would do: for a look at a map's consequences without root."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from agent.backend import links
from agent.backend.base import DeviceConfig, PeerStats, PeerUpdate
from agent.netmap import Prefix
from agent.paths import LocalNetworks

_log = logging.getLogger("agent.dry-run")


@dataclass(slots=True)
class DryRunBackend:
    """Keeps and logs every act, and reports its peers as never heard of."""

    kind: str = "dry-run"
    acts: list[str] = field(default_factory=list)
    _peers: dict[str, PeerUpdate] = field(default_factory=dict)
    _open: bool = False

    def open(self, config: DeviceConfig) -> None:
        """Would make the interface."""
        self._open = True
        self._act(f"make interface {config.interface} on UDP port {config.port}, nothing let in")

    def close(self) -> None:
        """Would take everything away."""
        if self._open:
            self._act("take interface and filter away")
        self._open = False
        self._peers.clear()

    def is_alive(self) -> bool:
        """Whether it was opened."""
        return self._open

    def change_key(self, private_key: bytes) -> None:
        """Would give the interface another key."""
        self._act("change the private key")

    def load_filter(self, ruleset: str) -> None:
        """Would replace the packet filter."""
        self._act("load the packet filter:\n" + ruleset.rstrip())

    def update_peers(self, updates: list[PeerUpdate]) -> None:
        """Would carry out the updates."""
        for update in updates:
            if update.remove:
                self._peers.pop(update.key, None)
                self._act(f"remove peer {update.key[:6]}…")
                continue
            self._peers[update.key] = update
            parts = []
            if update.allowed_ips is not None:
                parts.append("allowed " + " ".join(sorted(map(str, update.allowed_ips))))
            if update.endpoint is not None:
                parts.append(f"endpoint {update.endpoint}")
            if update.keepalive is not None:
                parts.append(f"keepalive {update.keepalive} s")
            self._act(f"peer {update.key[:6]}…: {', '.join(parts)}")

    def change_addresses(self, *, remove: list[Prefix], add: list[Prefix]) -> None:
        """Would change the addresses."""
        self._changes("address", remove, add)

    def change_routes(self, *, remove: list[Prefix], add: list[Prefix]) -> list[Prefix]:
        """Would change the routes."""
        self._changes("route", remove, add)
        return []

    def write_hosts(self, path: str, lines: list[str]) -> None:
        """Would replace the block of the hosts file."""
        self._act(f"{path}: " + ("; ".join(line.replace("\t", " ") for line in lines) or "take our block away"))

    def stats(self) -> list[PeerStats]:
        """The peers that would be there."""
        return [PeerStats(key, update.endpoint, 0.0, 0, 0) for key, update in self._peers.items()]

    def local_networks(self) -> LocalNetworks:
        """The machine's addresses outside any tunnel: reading is allowed."""
        return links.local_networks()

    def _changes(self, what: str, remove: list[Prefix], add: list[Prefix]) -> None:
        for prefix in remove:
            self._act(f"remove {what} {prefix}")
        for prefix in add:
            self._act(f"add {what} {prefix}")

    def _act(self, text: str) -> None:
        self.acts.append(text)
        _log.info("would %s", text)
