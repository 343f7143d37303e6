"""Verbs that only look: status, netmap, ip, version."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any

from agent import __version__, control
from agent.cli.output import (
    EXIT_ERROR,
    EXIT_LOGIN,
    EXIT_NOT_READY,
    EXIT_NOT_RUNNING,
    EXIT_OK,
    age,
    say,
    say_json,
    size,
    table,
)
from agent.cli.targets import find_target
from agent.engine.phase import Phase
from agent.errors import NotRunningError
from mesh.errors import GhostWireError


def fetch_status(said: dict[str, Any]) -> dict[str, Any]:
    """The running agent's own account of itself.

    :raises NotRunningError: if none runs
    """
    return control.call(said["state_dir"].absolute(), "status", timeout=30.0)


def status(said: dict[str, Any]) -> int:
    """Show where this machine stands; the exit code tells it too."""
    check = said.get("check")
    try:
        answer = fetch_status(said)
    except NotRunningError:
        if check:
            return EXIT_NOT_RUNNING
        raise
    if check == "live":
        return EXIT_OK
    code = _exit(answer)
    if check == "ready":
        return code
    peers = [peer for peer in answer["peers"] if peer["active"] or not said.get("active")]
    if not said.get("peers", True):
        peers = []
    if said.get("json"):
        say_json(answer | {"peers": peers})
    else:
        _show(answer, peers, listed=said.get("peers", True))
    return code


def netmap(said: dict[str, Any]) -> int:
    """Print the map as the portal sent it."""
    answer = control.call(said["state_dir"].absolute(), "netmap", timeout=60.0)
    sys.stdout.write(json.dumps(answer, indent=2) + "\n")
    return EXIT_OK


def ip(said: dict[str, Any]) -> int:
    """Print addresses, one a line."""
    answer = fetch_status(said)
    target = find_target(answer, said["peer"]) if said.get("peer") else answer["node"]
    if target is None:
        raise GhostWireError("This machine has no address yet.")
    addresses = [
        address for address in target["addresses"] if said.get("six" if ":" in address else "four") or not _family(said)
    ]
    if said.get("json"):
        say_json({"addresses": addresses})
    else:
        for address in addresses:
            say(address)
    return EXIT_OK if addresses else EXIT_ERROR


def version(said: dict[str, Any]) -> int:
    """Print this program's version, and the running agent's where it is another."""
    running = None
    try:
        running = str(control.call(said["state_dir"].absolute(), "hello", timeout=5.0)["version"])
    except (NotRunningError, PermissionError):
        running = None  # there is none, or it is not ours to ask
    if said.get("json"):
        say_json({"version": __version__, "running_version": running})
    else:
        say(__version__ if running in (None, __version__) else f"{__version__} (running: {running}; up restarts it)")
    return EXIT_OK


def _family(said: dict[str, Any]) -> bool:
    return bool(said.get("four") or said.get("six"))


def _exit(answer: dict[str, Any]) -> int:
    match answer["phase"]:
        case Phase.RUNNING.value:
            return EXIT_OK
        case Phase.NEEDS_LOGIN.value:
            return EXIT_LOGIN
        case Phase.FAILED.value:
            return EXIT_ERROR
    return EXIT_NOT_READY


def _show(answer: dict[str, Any], peers: list[dict[str, Any]], *, listed: bool) -> None:
    node = answer["node"]
    say(f"{answer['phase']}{': ' + answer['reason'] if answer['reason'] else ''}")
    say(f"portal     {answer['server']} ({_connection(answer)})")
    if node is not None:
        say(f"this node  {node['fqdn'] or node['name']} (id {node['id']}): {', '.join(node['addresses'])}")
        if node["key_expires_at"]:
            say(f"key        good until {node['key_expires_at']}")
    if answer["interface"]:
        say(f"interface  {answer['interface']}, UDP port {answer['port']}, {answer['backend']}")
    for prefix in answer["untaken_routes"]:
        say(f"note       {prefix} is already routed on this machine: left as it is")
    if listed and peers:
        say("")
        now = datetime.now(UTC)
        rows = [_row(peer, now) for peer in peers]
        say(table(("PEER", "ADDRESSES", "OWNER", "STATE", "ENDPOINT", "HANDSHAKE", "RECEIVED", "SENT"), rows))


def _connection(answer: dict[str, Any]) -> str:
    return {"socket": "connected", "polling": "connected by polling"}.get(answer["connection"], "not connected")


def _row(peer: dict[str, Any], now: datetime) -> tuple[str, ...]:
    handshake = peer["last_handshake"]
    return (
        peer["name"],
        " ".join(peer["addresses"]),
        peer["owner"] or " ".join(peer["tags"]) or "-",
        _state(peer),
        peer["endpoint"] or "-",
        age((now - datetime.fromisoformat(handshake)).total_seconds()) if handshake else "never",
        size(peer["rx_bytes"]),
        size(peer["tx_bytes"]),
    )


def _state(peer: dict[str, Any]) -> str:
    if peer["expired"]:
        return "key expired"
    if peer["active"]:
        return "active"
    return "online" if peer["online"] else "offline"
