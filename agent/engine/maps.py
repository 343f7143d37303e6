"""Maps on their way in: read, compared with what we have, applied whole, remembered."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from agent.engine.worker import TunnelWorker
from agent.errors import MapRefusedError, OutdatedMapError
from agent.netmap import read_netmap
from agent.state import MapMemory, StateDir
from agent.tunnel import Tunnel

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class MapKeeper:
    """Keeps the last map of one node at one portal. ``applied`` is what stands on the machine, None for nothing."""

    state: StateDir
    worker: TunnelWorker
    own_key: str
    server: str = ""
    node_id: int = 0
    raw: dict[str, Any] | None = None
    applied: tuple[int, int] | None = None
    doubted: bool = False
    _highest: tuple[int, int] | None = None
    _former_key: str | None = None

    @property
    def standing(self) -> dict[str, Any] | None:
        """The map that is applied, as JSON; None where nothing is, or where a delta did not fit it."""
        if self.applied is None or self.raw is None or self.doubted:
            return None
        return self.raw if (self.raw["epoch"], self.raw["version"]) == self.applied else None

    def change_key(self, public_key: str) -> None:
        """The node's key is another from here on."""
        self._former_key, self.own_key = self.own_key, public_key

    def _key_of(self, raw: Any) -> str:
        """The key that a map must be of: the node's, or, where the map was on its way already, the one before."""
        if self._former_key is not None and isinstance(raw, dict) and raw.get("node_key") == self._former_key:
            return self._former_key
        return self.own_key

    def belong_to(self, server: str, node_id: int, *, is_new: bool) -> None:
        """Whose maps are taken from here on. Versions of another node or portal say nothing about this one's.

        ``is_new``: the portal has just made the node, so that nothing older can be of it.
        """
        self.server, self.node_id = server, node_id
        memory = self.state.map_memory()
        fits = memory is not None and (memory.server, memory.node_id) == (server, node_id) and not is_new
        if not fits:
            self.state.keep_map(None)
            self.raw, self.doubted = None, False
        self._highest = (memory.epoch, memory.version) if fits and memory is not None else None

    async def resume(self) -> bool:
        """Apply the map of a former run, for as long as the lease lets it stand; False if there is none.

        :raises BackendError: if the machine cannot
        """
        memory = self.state.map_memory()
        if memory is None or (memory.server, memory.node_id) != (self.server, self.node_id):
            return False
        try:
            netmap = read_netmap(memory.netmap, own_key=self.own_key)
        except MapRefusedError as error:
            _log.warning("the map of a former run is of no use: %s", error.detail)
            return False
        await self.worker.use(lambda tunnel: tunnel.apply(netmap))
        self.raw, self.applied = memory.netmap, (netmap.epoch, netmap.version)
        _log.info("map %d.%d of a former run is applied until the portal sends one", netmap.epoch, netmap.version)
        return True

    async def offer(self, raw: Any) -> tuple[int, int]:
        """Apply a whole map; returns its epoch and version once it stands.

        :raises MapRefusedError: if it does not hold together: the map before stays in force
        :raises OutdatedMapError: likewise, if it goes back in time
        :raises BackendError: if the machine refused: then nothing stands
        """
        # Thousands of peers take a while to read, apply and write down: all of it off the loop.
        netmap = await asyncio.to_thread(read_netmap, raw, own_key=self._key_of(raw))
        if netmap.node.id != self.node_id:
            raise MapRefusedError(f"The map is of node {netmap.node.id}, not of this one.")
        at = (netmap.epoch, netmap.version)
        if self._highest is not None and at < self._highest:
            raise OutdatedMapError("The map is {}.{}, older than {}.{}.".format(*at, *self._highest))
        if self.applied is not None and _same_but_version(raw, self.raw):
            # Nothing that this node sees changed. What is written down stays at the version before, which is as good.
            self.raw, self.applied, self._highest, self.doubted = raw, at, at, False
            return at
        self.applied = None
        memory = MapMemory(self.server, self.node_id, *at, netmap=raw)

        def bring(tunnel: Tunnel) -> None:
            tunnel.apply(netmap)
            self.state.keep_map(memory)

        await self.worker.use(bring)
        self.raw, self.applied, self._highest, self.doubted = raw, at, at, False
        _log.info("map %d.%d is applied, peers: %d", *at, len(netmap.peers))
        return at

    async def cut(self) -> None:
        """Nothing may stand any more: no peers, nothing let in. Older maps stay refused.

        :raises BackendError: if the machine cannot
        """
        self.applied = None
        if self.worker.tunnel is not None:
            await self.worker.use(lambda tunnel: tunnel.cut())


def _same_but_version(one: dict[str, Any], other: dict[str, Any] | None) -> bool:
    """Whether two maps differ in nothing else. What a delta did not touch is the very same object, so this is cheap."""
    if other is None or one.keys() != other.keys():
        return False
    return all(value == other[name] for name, value in one.items() if name != "version")
