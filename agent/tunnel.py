"""One mesh interface and everything about it: brings maps to the machine and keeps the paths to peers alive.

Synchronous, and called from one thread at a time: the engine gives it a thread of its own.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Final

from agent.backend import Backend, DeviceConfig, PeerUpdate
from agent.clock import Clock
from agent.errors import BackendError
from agent.netmap import Endpoint, NetworkMap, Peer
from agent.paths import Link, Tunnelled
from agent.plan import Plan, build_plan, closed_plan, grants, peers_in_force, withdrawals
from agent.tracking import Paths
from agent.traffic import TrafficMeter

_log = logging.getLogger(__name__)
_MAX_ENDPOINTS: Final = 32  # agent protocol, "Registration"


@dataclass(frozen=True, slots=True)
class TunnelOptions:
    """What the user chose about applying maps. ``hosts_file`` empty: names are left alone."""

    accept_routes: bool
    hosts_file: str


class Tunnel:
    """Applies whole maps, changes only what differs, and takes everything away when asked."""

    def __init__(self, backend: Backend, config: DeviceConfig, options: TunnelOptions, clock: Clock) -> None:
        self.backend = backend
        self.config = config
        self.netmap: NetworkMap | None = None
        self.in_force: tuple[Peer, ...] = ()
        self.untaken_routes: frozenset[str] = frozenset()
        self.paths = Paths()
        self.traffic = TrafficMeter()
        self._options = options
        self._clock = clock
        self._standing = Plan()
        self._heirs: dict[str, str] = {}  # new keys of peers that we had under another one

    def open(self) -> None:
        """Make the interface, closed.

        :raises BackendError: if the machine cannot
        """
        self.paths.local = self.backend.local_networks()
        self.backend.open(self.config)
        self._standing = closed_plan(self.config.interface)

    def close(self) -> None:
        """Take everything away: names first, so that nobody is sent where nothing is any more."""
        if self._options.hosts_file and self._standing.hosts:
            self.backend.write_hosts(self._options.hosts_file, [])
        self.backend.close()
        self._nothing_stands()

    def apply(self, netmap: NetworkMap) -> None:
        """Bring a map to the machine.

        :raises BackendError: then the interface is taken away: better no tunnel than one that is half as it should be
        """
        self.netmap = netmap
        self._move(netmap)

    def change_key(self, private_key: bytes) -> None:
        """Give the interface another private key (32 bytes), and call those peers that packets flow to.

        :raises BackendError: as ``apply``
        """
        self.config = replace(self.config, private_key=private_key)
        wall = self._clock.wall().timestamp()
        try:
            self.backend.change_key(private_key)
            if calls := self.paths.calls(self.paths.proven(wall)):
                self.backend.update_peers(calls)
        except BackendError:
            hosts = self._standing.hosts
            self.backend.close()
            self._nothing_stands()
            self._standing = Plan(hosts=hosts)
            raise

    def cut(self) -> None:
        """Remove all peers and let nothing in: there is no map to trust any more. The interface stays.

        :raises BackendError: as ``apply``
        """
        self.netmap = None
        self.in_force = ()
        self._bring(closed_plan(self.config.interface, self._standing.addresses))

    def restore(self) -> bool:
        """Make the interface anew after it was lost, with the last map; False if it stands.

        :raises BackendError: if the machine still cannot
        """
        if self.backend.is_alive():
            return False
        self.backend.close()
        hosts = self._standing.hosts
        self._nothing_stands()
        self.open()
        self._standing = replace(self._standing, hosts=hosts)  # the file was not lost with the interface
        if self.netmap is not None:
            self._move(self.netmap)
        return True

    def tend(self) -> None:
        """What passing time asks for: drop peers whose keys expired, try the next path to those without a handshake.

        :raises BackendError: as ``apply``
        """
        if self.netmap is not None and peers_in_force(self.netmap, self._clock.wall()) != self.in_force:
            _log.info("the key of a peer has expired: the peer is dropped")
            self._move(self.netmap)
        stats = self.backend.stats()
        self.traffic.take(stats)
        updates = self.paths.tend(stats, now=self._clock.boot(), wall=self._clock.wall().timestamp())
        if updates:
            self.backend.update_peers(updates)

    def look_around(self) -> bool:
        """Read the machine's own addresses again; True if they changed, and with them the ways to peers.

        :raises BackendError: if the machine does not tell
        """
        found = self.backend.local_networks()
        if found == self.paths.local:
            return False
        self.paths.local = found
        updates = self._path_updates()
        if updates:
            self.backend.update_peers(list(updates.values()))
        return True

    def endpoints(self) -> list[str]:
        """Where this machine's WireGuard may be reached, as the portal is told."""
        inside = Tunnelled.of(self._standing.addresses)
        found = (Endpoint(interface.ip, self.config.port) for interface in self.paths.local.interfaces)
        return [str(endpoint) for endpoint in found if not inside.holds(endpoint)][:_MAX_ENDPOINTS]

    def links(self) -> dict[str, Link]:
        """What the device says of its peers now, by key; nothing while there is no device."""
        if not self.backend.is_alive():
            return {}
        return {peer.key: Link(peer.endpoint, peer.handshake, peer.rx, peer.tx) for peer in self.backend.stats()}

    def _nothing_stands(self) -> None:
        self._standing = Plan()
        self.paths = Paths(local=self.paths.local)
        self.untaken_routes = frozenset()

    def _move(self, netmap: NetworkMap) -> None:
        former = {peer.id: peer.key for peer in self.in_force}
        self.in_force = peers_in_force(netmap, self._clock.wall())
        self._heirs = {peer.key: former[peer.id] for peer in self.in_force if former.get(peer.id, peer.key) != peer.key}
        self._bring(
            build_plan(
                netmap, self.in_force, interface=self.config.interface, accept_routes=self._options.accept_routes
            )
        )

    def _bring(self, plan: Plan) -> None:
        hosts = self._standing.hosts
        try:
            self._steps(self._standing, plan)
        except BackendError:
            self.backend.close()
            self._nothing_stands()
            self._standing = Plan(hosts=hosts)
            raise
        self._standing = plan

    def _steps(self, before: Plan, after: Plan) -> None:
        """Take away, then filter, then give: at no instant does anybody have more than one of the two plans gives."""
        backend = self.backend
        if gone := before.routes - after.routes:
            backend.change_routes(remove=sorted(gone, key=str), add=[])
        inherited = self.paths.inherit(self._heirs, self._clock.wall().timestamp())
        if taken := withdrawals(before, after):
            backend.update_peers(taken)
        self.paths.forget(before.peers.keys() - after.peers.keys())
        self.paths.tunnelled = Tunnelled.of(after.routes | after.addresses)
        if before.addresses != after.addresses:
            backend.change_addresses(
                remove=sorted(before.addresses - after.addresses, key=str),
                add=sorted(after.addresses - before.addresses, key=str),
            )
        if before.ruleset != after.ruleset:
            backend.load_filter(after.ruleset)
        if given := self._given(before, after) + inherited:
            backend.update_peers(given)
        new = after.routes - before.routes
        untaken = backend.change_routes(remove=[], add=sorted(new, key=str)) if new else []
        for prefix in untaken:
            _log.warning("%s is already routed on this machine: left as it is", prefix)
        kept = {prefix for prefix in self.untaken_routes if prefix in set(map(str, after.routes))}
        self.untaken_routes = frozenset(kept | set(map(str, untaken)))
        if self._options.hosts_file and before.hosts != after.hosts:
            backend.write_hosts(self._options.hosts_file, list(after.hosts))

    def _given(self, before: Plan, after: Plan) -> list[PeerUpdate]:
        """Prefixes that peers gain, and ways to them that changed, as one update a peer."""
        updates = self._path_updates()
        for key, prefixes in grants(before, after).items():
            updates[key] = replace(updates.get(key, PeerUpdate(key)), allowed_ips=prefixes)
        return list(updates.values())

    def _path_updates(self) -> dict[str, PeerUpdate]:
        now = self._clock.boot()
        found = (self.paths.follow(peer, now=now) for peer in self.in_force)
        return {update.key: update for update in found if update is not None}
