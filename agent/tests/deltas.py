"""Deltas as a portal tells them, and a proxy that meddles with the frames on their way to the agent."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import zstandard


def delta(start: int, to: int, **members: Any) -> dict[str, Any]:
    """A delta message."""
    return {"type": "delta", "epoch": 1, "from": start, "to": to} | members


def moved_on(netmap: dict[str, Any], members: dict[str, Any]) -> dict[str, Any]:
    """The map one version later, with other ``members``: of those that a delta replaces."""
    return netmap | members | {"version": netmap["version"] + 1}


def answer_hello(netmap: dict[str, Any], steps: list[dict[str, Any]], since: str | None) -> dict[str, Any]:
    """The answer to hello: a delta where the way from ``since`` is among ``steps``, else the whole map."""
    if since == f"{netmap['epoch']}.{netmap['version']}":
        return delta(netmap["version"], netmap["version"], epoch=netmap["epoch"])
    wanted = [step for step in steps if since is not None and step["from"] >= int(since.partition(".")[2])]
    if not wanted or since != f"{wanted[0]['epoch']}.{wanted[0]['from']}" or wanted[-1]["to"] != netmap["version"]:
        return {"type": "netmap", "netmap": netmap}
    joined = {name: value for step in wanted for name, value in step.items()}
    return joined | {"from": wanted[0]["from"]}


def packed(text: str) -> bytes:
    """A message as two zstd frames in a row, as a portal sends a head of its own and a body for many."""
    return b"".join(map(zstandard.compress, (text[:20].encode(), text[20:].encode())))


Script = Callable[[list[dict[str, Any]], dict[str, Any]], list[dict[str, Any]]]
"""Which events to pass on, given those held back so far (which it may change) and the one that came."""


def twice(held: list[dict[str, Any]], event: dict[str, Any]) -> list[dict[str, Any]]:
    """Each comes twice."""
    return [event, event]


def lost(held: list[dict[str, Any]], event: dict[str, Any]) -> list[dict[str, Any]]:
    """None comes."""
    return []


def swapped(held: list[dict[str, Any]], event: dict[str, Any]) -> list[dict[str, Any]]:
    """The second comes before the first."""
    if not held:
        held.append(event)
        return []
    return [event, held.pop()]


@dataclass
class Meddler:
    """An ASGI proxy: while there is a ``script``, deltas on sockets go through it. ``done`` counts those."""

    app: Any
    script: Script | None = None
    done: int = 0
    _held: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        async def meddle(event: dict[str, Any]) -> None:
            is_delta = json.loads(event.get("text") or "{}").get("type") == "delta"
            if self.script is None or not is_delta:
                await send(event)
                return
            self.done += 1
            for passed in self.script(self._held, event):
                await send(passed)

        await self.app(scope, receive, meddle)
