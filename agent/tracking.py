"""The paths to all peers at once: remembers what was tried, and says what to tell the device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agent.backend import PeerStats, PeerUpdate
from agent.netmap import Endpoint, Peer
from agent.paths import (
    KEEPALIVE_SECONDS,
    Attempt,
    Link,
    LocalNetworks,
    Tunnelled,
    advance,
    begin,
    keepalive_for,
    order_candidates,
    renew,
)


@dataclass(slots=True)
class Paths:
    """``local`` is where this machine is, ``tunnelled`` what runs inside the mesh: both steer which way is tried."""

    local: LocalNetworks = field(default_factory=LocalNetworks)
    tunnelled: Tunnelled = field(default_factory=Tunnelled)
    links: dict[str, Link] = field(default_factory=dict)
    _attempts: dict[str, Attempt] = field(default_factory=dict)
    _keepalives: dict[str, int] = field(default_factory=dict)

    def candidates(self, key: str) -> tuple[Endpoint, ...]:
        """The endpoints that are tried for a peer, in order."""
        attempt = self._attempts.get(key)
        return attempt.candidates if attempt else ()

    def forget(self, keys: Iterable[str]) -> None:
        """These peers are gone."""
        for key in keys:
            self._attempts.pop(key, None)
            self._keepalives.pop(key, None)
            self.links.pop(key, None)

    def proven(self, wall: float) -> list[str]:
        """The peers that packets flow to, as of the last look; ``wall`` is a Unix time."""
        return [key for key, link in self.links.items() if link.is_fresh(wall)]

    def calls(self, keys: Iterable[str]) -> list[PeerUpdate]:
        """Updates that make the device shake hands with these peers at once, and leave everything as it is.

        A device sends a keepalive, for which it needs a session, at the moment in which they are switched on. By itself
        it would wait for something to send, and after a call that nobody could answer yet, 5 seconds.
        """
        return [
            PeerUpdate(key, keepalive=seconds)
            for key in keys
            for kept in [self._keepalives.get(key, 0)]
            for seconds in ((0, kept) if kept else (KEEPALIVE_SECONDS, 0))
        ]

    def inherit(self, heirs: Mapping[str, str], wall: float) -> list[PeerUpdate]:
        """Updates that follow the new keys of peers (``heirs``: new key to former): the path that is proven goes on
        being used, wherever the peer called from, and the peer is called at once."""
        updates: list[PeerUpdate] = []
        for key, former in heirs.items():
            link = self.links.get(former, Link())
            if link.endpoint is not None and link.is_fresh(wall):
                updates += [PeerUpdate(key, endpoint=link.endpoint), *self.calls([key])]
        return updates

    def follow(self, peer: Peer, *, now: float) -> PeerUpdate | None:
        """What the device has to be told after a map, or the machine's own place, changed; None for nothing."""
        candidates = order_candidates(peer.endpoints, self.local, self.tunnelled)
        before = self._attempts.get(peer.key)
        link = self.links.get(peer.key, Link())
        attempt = renew(before, candidates, link, now=now) if before else begin(candidates, now=now)
        self._attempts[peer.key] = attempt
        moved = attempt.endpoint if before is None or attempt.endpoint != before.endpoint else None
        return self._update(peer.key, moved, used=attempt.endpoint)

    def tend(self, stats: Iterable[PeerStats], *, now: float, wall: float) -> list[PeerUpdate]:
        """What the device has to be told as time passes. ``now`` is on the boot clock, ``wall`` a Unix time."""
        self.links = {peer.key: Link(peer.endpoint, peer.handshake, peer.rx, peer.tx) for peer in stats}
        updates: list[PeerUpdate] = []
        for key, before in self._attempts.items():
            link = self.links.get(key, Link())
            attempt = advance(before, link, now=now, wall=wall)
            self._attempts[key] = attempt
            moved = attempt.endpoint if attempt.index != before.index else None
            used = link.endpoint if moved is None and link.is_fresh(wall) else attempt.endpoint
            update = self._update(key, moved, used=used)
            if update is not None:
                updates.append(update)
        return updates

    def _update(self, key: str, moved: Endpoint | None, *, used: Endpoint | None) -> PeerUpdate | None:
        keepalive = keepalive_for(used, self.local)
        changed = keepalive != self._keepalives.get(key, 0)
        self._keepalives[key] = keepalive
        if moved is None and not changed:
            return None
        return PeerUpdate(key, endpoint=moved, keepalive=keepalive)
