"""What to check when a machine's next stage takes longer than it usually does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.urls import reverse

from coordinator.policy.reach import who_reaches, whom_it_reaches
from coordinator.replica import current_state
from nodes.models import Node
from portal import links

Hint = tuple[str, str, str]
USUAL: Final = {
    "Online": timedelta(seconds=30),
    "Handshake": timedelta(seconds=60),
    "First peer": timedelta(seconds=60),
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
        return _words(node, word) if now - last > USUAL.get(word, timedelta.max) else None
    return None


def _words(node: Node, stage: str) -> Hint:
    port = node.listen_port or WIREGUARD_PORT
    if stage == "Online":
        return (
            "It registered and has not called since. Look on the machine: systemctl status ghostwire-agent. "
            "It must reach this portal over HTTPS and WebSocket.",
            "",
            "",
        )
    if not node.network.nodes.filter(online=True).exclude(pk=node.pk).exists():
        return ("No other machine is online. Enrol a second one, and these two can talk.", "", "")
    policy = current_state(node.network_id).policy
    if not whom_it_reaches(policy, node.pk).nodes and not who_reaches(policy, node.pk).nodes:
        return ("No rule lets it talk to another machine, so it has no peer.", "Add a rule", reverse("admin:access"))
    return (
        f"WireGuard shakes hands when there is something to send: ping a peer from the machine. If that does not "
        f"answer, check that firewalls let UDP {port} in and out, and that a relay is there for where they do not.",
        "Relays",
        links.list_url("nodes.relayregion"),
    )
