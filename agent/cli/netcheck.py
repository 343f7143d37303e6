"""The verb netcheck."""

from __future__ import annotations

from typing import Any

from agent import control
from agent.cli.output import EXIT_ERROR, EXIT_OK, say, say_json, table


def netcheck(said: dict[str, Any]) -> int:
    """Measure the way to every relay and show it; 0 unless there are relays and none answers."""
    answer = control.call(said["state_dir"].absolute(), "netcheck", timeout=30.0)
    if said.get("json"):
        say_json(answer)
    else:
        _show(answer)
    has_servers = any(region["servers"] for region in answer["regions"])
    return EXIT_OK if answer["udp"] or not has_servers else EXIT_ERROR


def _show(answer: dict[str, Any]) -> None:
    if not answer["regions"]:
        say("There are no relays in this machine's map.")
        return
    say(f"UDP   {'works' if answer['udp'] else 'no relay answers'}")
    for name, member in (("IPv4", "ipv4_endpoint"), ("IPv6", "ipv6_endpoint")):
        say(f"{name}  {'seen as ' + answer[member] if answer[member] else 'no answer'}")
    say("")
    regions = sorted(answer["regions"], key=lambda region: (region["latency_ms"] is None, region["latency_ms"]))
    rows = [
        (
            f"{region['name']} ({region['code']})",
            str(region["id"]),
            "-" if region["latency_ms"] is None else f"{region['latency_ms']:.1f} ms",
            "home" if region["id"] == answer["home"] else "",
        )
        for region in regions
    ]
    say(table(("RELAY", "ID", "LATENCY", ""), rows))
