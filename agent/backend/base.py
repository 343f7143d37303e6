"""The one interface through which a map reaches the machine, and the values that cross it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from agent.netmap import Endpoint, Prefix
from agent.paths import LocalNetworks

MTU = 1420  # 1500 less the largest outer header: IPv6 40, UDP 8, WireGuard 32


@dataclass(frozen=True, slots=True)
class PeerUpdate:
    """One change to one peer. What is None stays as it is; ``allowed_ips`` replaces the peer's whole list."""

    key: str
    remove: bool = False
    allowed_ips: frozenset[Prefix] | None = None
    endpoint: Endpoint | None = None
    keepalive: int | None = None


@dataclass(frozen=True, slots=True)
class PeerStats:
    """A peer as the device sees it. ``handshake`` is a Unix time, 0 for never; ``rx`` and ``tx`` are bytes."""

    key: str
    endpoint: Endpoint | None
    handshake: float
    rx: int
    tx: int


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """What a device starts with: the interface's name, the private key (32 bytes) and the UDP port."""

    interface: str
    private_key: bytes
    port: int


class Device(Protocol):
    """A WireGuard implementation: makes the interface and keeps its peers."""

    kind: str

    def create(self, config: DeviceConfig) -> None:
        """Make the interface with its key and port, without peers and down.

        :raises BackendError: if the machine cannot
        """

    def change_key(self, private_key: bytes) -> None:
        """Give the interface another private key (32 bytes); its peers stay."""

    def update_peers(self, updates: list[PeerUpdate]) -> None:
        """Carry out the updates in order."""

    def stats(self) -> list[PeerStats]:
        """Every peer of the device."""

    def is_alive(self) -> bool:
        """Whether the interface is still there."""

    def destroy(self) -> None:
        """Take the interface away; no error if it is gone."""


class Backend(Protocol):
    """Everything that the agent does to a machine. Calls block, and come from one thread at a time."""

    kind: str

    def open(self, config: DeviceConfig) -> None:
        """Make the interface, with nothing let in, and bring it up.

        :raises BackendError: if the machine cannot; nothing of it is left then
        """

    def close(self) -> None:
        """Take everything away again: interface, addresses, routes and filter. Safe to repeat."""

    def is_alive(self) -> bool:
        """Whether the interface is still there."""

    def change_key(self, private_key: bytes) -> None:
        """Give the interface another private key (32 bytes); its peers stay."""

    def load_filter(self, ruleset: str) -> None:
        """Replace the packet filter in one step.

        :raises BackendError: then the filter before it stands
        """

    def update_peers(self, updates: list[PeerUpdate]) -> None:
        """Carry out the updates in order."""

    def change_addresses(self, *, remove: list[Prefix], add: list[Prefix]) -> None:
        """Change the interface's own addresses."""

    def change_routes(self, *, remove: list[Prefix], add: list[Prefix]) -> list[Prefix]:
        """Change what is routed into the interface; returns those that the machine already routes elsewhere."""

    def write_hosts(self, path: str, lines: list[str]) -> None:
        """Replace the managed block of a hosts file; no lines take it away."""

    def stats(self) -> list[PeerStats]:
        """Every peer of the device."""

    def local_networks(self) -> LocalNetworks:
        """The machine's addresses outside any tunnel."""
