"""What to check when a machine's next stage takes longer than it usually does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.urls import reverse

from coordinator.policy.reach import who_reaches, whom_it_reaches
from coordinator.replica import current_state
from nodes.models import Node

Hint = tuple[str, str, str]
USUAL: Final = {
    "Online": timedelta(seconds=30),
    "Handshake": timedelta(seconds=60),
    "First ping": timedelta(seconds=30),
}
"""How long after the stage before it the next one takes at most where nothing is in the way."""
WIREGUARD_PORT: Final = 51820


def hint_for(
    node: Node, stages: Sequence[tuple[str, str, datetime | None]], began: datetime, now: datetime
) -> Hint | None:
    """Words, and a link's words and address; None while all goes as usual. ``stages``: word, state, when."""
    last = began
    for word, state, at in stages:
        if state != "now":
            last = at or last
            continue
        if word == "Handshake" and _is_alone(node):
            return ("No other machine is online, so there is nobody to ping yet. Enrol a second one.", "", "")
        return _words(node, word) if now - last > USUAL.get(word, timedelta.max) else None
    return None


def _is_alone(node: Node) -> bool:
    return not node.network.nodes.filter(online=True).exclude(pk=node.pk).exists()


def _words(node: Node, stage: str) -> Hint:
    if stage == "Online":
        return (
            "It registered and has not called since. Look on the machine: ghostwire-agent status. "
            "It must reach this portal over HTTPS and WebSocket.",
            "",
            "",
        )
    if stage == "First ping":
        return (
            "Its tunnel works, but no peer answers its pings, so when a first one comes back cannot be known. "
            "A rule that opens some ports alone keeps pings out, and so does a firewall of the peer's own.",
            "Look at the rules",
            reverse("admin:access"),
        )
    policy = current_state(node.network_id).policy
    if not whom_it_reaches(policy, node.pk).nodes and not who_reaches(policy, node.pk).nodes:
        return ("No rule lets it talk to another machine, so it has no peer.", "Add a rule", reverse("admin:access"))
    return (
        "Its agent pings its peers until one answers, and none has shaken hands with it. Check that firewalls let "
        f"UDP {node.listen_port or WIREGUARD_PORT} in and out, there and here.",
        "",
        "",
    )
