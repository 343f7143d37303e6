"""The verb ping."""

from __future__ import annotations

import time
from typing import Any, Final

from agent.cli.info import fetch_status
from agent.cli.output import EXIT_ERROR, EXIT_OK, say, say_json
from agent.cli.targets import find_target
from agent.errors import NotRunningError, UsageError
from agent.icmp import Pinger
from mesh.errors import NotFoundError

_COUNT: Final = 4
_TIMEOUT: Final = 5.0
_INTERVAL: Final = 1.0


def ping(said: dict[str, Any]) -> int:
    """Ping a peer over the mesh; 0 if at least one answer came."""
    status = fetch_status(said)
    if status["interface"] is None:
        raise NotRunningError("The mesh is not up on this machine.")
    target = find_target(status, said["peer"])
    address = _address(target, said)
    count = said.get("count", _COUNT)
    if count < 0:
        raise UsageError("-c: not below 0.")
    timeout, interval = said.get("timeout", _TIMEOUT), said.get("interval_seconds", _INTERVAL)
    pinger = Pinger(_interface(status, target), address)
    times: list[float | None] = []
    while count == 0 or len(times) < count:
        if times:
            time.sleep(interval)
        seconds = pinger.once(len(times) + 1, timeout)
        times.append(seconds)
        if not said.get("json"):
            say(_line(said, target, address, seconds, timeout))
    answered = [seconds for seconds in times if seconds is not None]
    if said.get("json"):
        say_json(
            {
                "peer": {"id": target["id"], "name": target["name"], "address": address},
                "sent": len(times),
                "received": len(answered),
                "milliseconds": [None if seconds is None else round(seconds * 1000, 3) for seconds in times],
            }
        )
    elif not answered:
        say(_why(said, target["id"]))
    return EXIT_OK if answered else EXIT_ERROR


def _interface(status: dict[str, Any], target: dict[str, Any]) -> str:
    """Packets to this node itself go through the loopback interface."""
    return "lo" if status["node"] is not None and target["id"] == status["node"]["id"] else str(status["interface"])


def _address(target: dict[str, Any], said: dict[str, Any]) -> str:
    """The address that was named, else the first of the wanted family."""
    if said["peer"] in target["addresses"]:
        return str(said["peer"])
    for address in target["addresses"]:
        if (said.get("six") and ":" in address) or (said.get("four") and ":" not in address):
            return str(address)
        if not said.get("four") and not said.get("six"):
            return str(address)
    raise NotFoundError(f"{target['name']} has no such address.")


def _line(said: dict[str, Any], target: dict[str, Any], address: str, seconds: float | None, timeout: float) -> str:
    if seconds is None:
        return f"no answer from {target['name']} ({address}) within {timeout:g} s"
    return f"pong from {target['name']} ({address}) via {_way(said, target['id'])} in {seconds * 1000:.1f} ms"


def _way(said: dict[str, Any], node_id: int) -> str:
    found = [peer for peer in fetch_status(said)["peers"] if peer["id"] == node_id]
    return str(found[0]["endpoint"] or "no known endpoint") if found else "this machine"


def _why(said: dict[str, Any], node_id: int) -> str:
    """No answer has two common reasons, and WireGuard knows which."""
    found = [peer for peer in fetch_status(said)["peers"] if peer["id"] == node_id]
    if found and found[0]["active"]:
        return "The tunnel works: the peer, or its packet filter, does not answer pings."
    return "There is no tunnel: no handshake succeeded. Is the peer online, and its UDP port reachable?"
