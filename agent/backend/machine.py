"""The real backend: a WireGuard device, rtnetlink, nftables and the hosts file."""

from __future__ import annotations

from pathlib import Path

from agent import firewall, hosts, nft
from agent.backend import links
from agent.backend.base import Device, DeviceConfig, PeerStats, PeerUpdate
from agent.errors import BackendError
from agent.netmap import Prefix
from agent.paths import LocalNetworks


class MachineBackend:
    """Applies maps to this machine with the given device."""

    def __init__(self, device: Device) -> None:
        self.kind = device.kind
        self._device = device
        self._interface = ""

    def open(self, config: DeviceConfig) -> None:
        """Make the interface, with nothing let in, and bring it up.

        The filter stands before the interface does: there is no instant at which the mesh reaches this machine
        unfiltered.
        """
        self._interface = config.interface
        try:
            nft.load(firewall.render_closed(config.interface))
            self._device.create(config)
            links.bring_up(config.interface)
        except BackendError:
            self.close()
            raise

    def close(self) -> None:
        """Take interface and filter away, in this order: never an interface without a filter."""
        self._device.destroy()
        if self._interface and nft.find_tool("nft") is not None:
            nft.load(firewall.render_removal(self._interface))

    def is_alive(self) -> bool:
        """Whether the interface is still there."""
        return self._device.is_alive()

    def change_key(self, private_key: bytes) -> None:
        """Give the interface another private key; its peers stay."""
        self._device.change_key(private_key)

    def load_filter(self, ruleset: str) -> None:
        """Replace the packet filter in one step."""
        nft.load(ruleset)

    def update_peers(self, updates: list[PeerUpdate]) -> None:
        """Carry out the updates in order."""
        self._device.update_peers(updates)

    def change_addresses(self, *, remove: list[Prefix], add: list[Prefix]) -> None:
        """Change the interface's own addresses."""
        links.change_addresses(self._interface, remove=remove, add=add)

    def change_routes(self, *, remove: list[Prefix], add: list[Prefix]) -> list[Prefix]:
        """Change what is routed into the interface; returns those that the machine already routes elsewhere."""
        return links.change_routes(self._interface, remove=remove, add=add)

    def write_hosts(self, path: str, lines: list[str]) -> None:
        """Replace the managed block of a hosts file."""
        hosts.write_block(Path(path), self._interface, lines)

    def stats(self) -> list[PeerStats]:
        """Every peer of the device."""
        return self._device.stats()

    def local_networks(self) -> LocalNetworks:
        """The machine's addresses outside any tunnel."""
        return links.local_networks()


def clear_leftovers(interface: str, hosts_file: str) -> None:
    """Take away what an agent that was killed may have left: interface, filter, hosts block. Nothing there is fine.

    :raises BackendError: if the machine refuses
    """
    links.remove(interface)
    if nft.find_tool("nft") is not None:
        nft.load(firewall.render_removal(interface))
    if hosts_file and Path(hosts_file).exists():
        hosts.write_block(Path(hosts_file), interface, [])
