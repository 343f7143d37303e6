"""The kernel's WireGuard, spoken to by generic netlink: no process and no tool beside it."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from pyroute2 import WireGuard
from pyroute2.netlink.exceptions import NetlinkError

from agent.backend import links
from agent.backend.base import DeviceConfig, PeerStats, PeerUpdate
from agent.errors import BackendError
from agent.netmap import Endpoint, Prefix
from agent.netmap.values import parse_endpoint
from mesh.keys import encode_key

# A netlink attribute has at most 65,535 bytes, an IPv6 prefix takes 40 of them; further ones go in further messages.
ALLOWED_IPS_A_MESSAGE: Final = 1000


class KernelDevice:
    """An interface of the kernel. It would outlive the agent: ``destroy`` (or the next start) takes it away."""

    kind = "kernel"

    def __init__(self) -> None:
        self._interface = ""

    def create(self, config: DeviceConfig) -> None:
        """Make the interface and give it key and port."""
        links.add_wireguard(config.interface)
        self._interface = config.interface
        try:
            self._set(private_key=encode_key(config.private_key), listen_port=config.port)
        except BackendError:
            self.destroy()
            raise

    def change_key(self, private_key: bytes) -> None:
        """Give the interface another private key; its peers stay, and shake hands anew."""
        self._set(private_key=encode_key(private_key))

    def update_peers(self, updates: list[PeerUpdate]) -> None:
        """Carry out the updates in order, one message a peer (more where a peer has thousands of prefixes)."""
        for update in updates:
            for message in peer_messages(update):
                self._set(peer=message)

    def stats(self) -> list[PeerStats]:
        """Every peer of the device."""
        try:
            with WireGuard() as device:
                return decode_stats(device.info(self._interface))
        except NetlinkError as error:
            raise BackendError(f"{self._interface} does not answer: {error}.") from error

    def is_alive(self) -> bool:
        """Whether the interface is still there."""
        return links.exists(self._interface)

    def destroy(self) -> None:
        """Take the interface away."""
        if self._interface:
            links.remove(self._interface)

    def _set(self, **what: Any) -> None:
        try:
            with WireGuard() as device:
                device.set(self._interface, **what)
        except NetlinkError as error:
            raise BackendError(f"{self._interface} refused a change: {error}.") from error


def peer_messages(update: PeerUpdate) -> list[dict[str, Any]]:
    """What pyroute2 is given for one update; the first message replaces the prefixes, the others add to them."""
    first: dict[str, Any] = {"public_key": update.key}
    if update.remove:
        return [first | {"remove": True}]
    if update.endpoint is not None:
        first |= {"endpoint_addr": str(update.endpoint.address), "endpoint_port": update.endpoint.port}
    if update.keepalive is not None:
        first["persistent_keepalive"] = update.keepalive
    if update.allowed_ips is None:
        return [first]
    chunks = list(_chunks(update.allowed_ips))
    first |= {"replace_allowed_ips": True, "allowed_ips": chunks[0] if chunks else []}
    return [first, *({"public_key": update.key, "allowed_ips": chunk} for chunk in chunks[1:])]


def decode_stats(messages: Any) -> list[PeerStats]:
    """The peers in the answer to a query. The kernel splits a long answer, and a peer's prefixes, over messages."""
    found: dict[str, PeerStats] = {}
    for message in messages:
        for peer in message.get("WGDEVICE_A_PEERS") or ():
            handshake = peer.get("WGPEER_A_LAST_HANDSHAKE_TIME") or {}
            key = peer.get("WGPEER_A_PUBLIC_KEY")
            stats = PeerStats(
                key=key.decode("ascii") if isinstance(key, bytes) else str(key),
                endpoint=_endpoint(peer.get("WGPEER_A_ENDPOINT")),
                handshake=handshake.get("tv_sec", 0) + handshake.get("tv_nsec", 0) / 1e9,
                rx=peer.get("WGPEER_A_RX_BYTES") or 0,
                tx=peer.get("WGPEER_A_TX_BYTES") or 0,
            )
            found.setdefault(stats.key, stats)
    return list(found.values())


def _endpoint(value: Any) -> Endpoint | None:
    if not value:
        return None
    address = value["addr"]
    return parse_endpoint(f"[{address}]:{value['port']}" if ":" in address else f"{address}:{value['port']}")


def _chunks(prefixes: frozenset[Prefix]) -> Any:
    ordered = iter(sorted(map(str, prefixes)))
    while chunk := list(islice(ordered, ALLOWED_IPS_A_MESSAGE)):
        yield chunk
