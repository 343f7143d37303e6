"""What happened lately, with how many agents have it; and who asks to join right now."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from typing import Any, Final

from django.utils.html import format_html
from redis.exceptions import RedisError

from coordinator.acknowledgements import ACKNOWLEDGED
from coordinator.delivery import concerned_by
from coordinator.replica import REPLICAS
from nodes.models import Change, Network
from portal import html, links
from portal.events import event_lines
from sessions_app.models import Enrolment
from sessions_app.services.enrolments import live_enrolments

SHOWN: Final = 12
NEW_A_PAGE: Final = 4
"""Of how many changes one page finds out whom they concern: at 50,000 nodes that takes a while."""
KEPT: Final = 500
_concerned: OrderedDict[tuple[int, int, int], frozenset[int] | None] = OrderedDict()
_complete: set[tuple[int, int, int]] = set()


def feed_of(network: Network, now: datetime) -> list[dict[str, Any]]:
    """The latest events, each with ``have`` (``7/7``, empty where that is not known) and a ``key`` of its own."""
    changes = list(Change.objects.filter(network=network).order_by("-version")[:SHOWN])
    lines = event_lines(changes)
    have = _have(network, [change.version for change in changes])
    for line in lines:
        got = have.get(line["version"])
        line["have"] = "" if got is None else f"{got[0]}/{got[1]}"
        line["behind"] = got is not None and got[0] < got[1]
        line["key"] = f"map-{line['version']}"
    lines += _asking(network, now)
    return sorted(lines, key=lambda line: line["at"], reverse=True)[:SHOWN]


def _asking(network: Network, now: datetime) -> list[dict[str, Any]]:
    waiting = live_enrolments(now).filter(network=network, state=Enrolment.State.PENDING).order_by("-created_at")
    return [
        {
            "at": row.created_at,
            "icon": "how_to_reg",
            "css": "gw-wait",
            "text": format_html(
                "{} asks to join",
                html.link(links.change_url("sessions_app.enrolment", row.pk), row.hostname or "A machine"),
            ),
            "by": html.dim(f"from {row.origin}" if row.origin else "from an unknown address"),
            "version": None,
            "url": "",
            "have": "",
            "behind": False,
            "key": f"enrolment-{row.pk}",
        }
        for row in waiting[:SHOWN]
    ]


def have_it(network: Network, version: int) -> tuple[int, int] | None:
    """Of the connected agents that a change concerned, how many have it, and how many they are; None: not known."""
    return _have(network, [version]).get(version)


def _have(network: Network, versions: list[int]) -> dict[int, tuple[int, int]]:
    state = REPLICAS.of(network.pk).state
    if state is None:
        return {}
    epoch, new = state.epoch, NEW_A_PAGE
    concerned: dict[int, frozenset[int]] = {}
    for version in versions:
        key = (network.pk, epoch, version)
        if key not in _concerned and version <= state.version and new:
            new -= 1
            _remember(key)
        known = _concerned.get(key)
        if known is not None:
            concerned[version] = known
    open_ones = {version: ids for version, ids in concerned.items() if (network.pk, epoch, version) not in _complete}
    asked = frozenset().union(*open_ones.values()) if open_ones else frozenset()
    try:
        known_acks = ACKNOWLEDGED.of(asked) if asked else {}
    except RedisError:
        return {}
    found = {}
    for version, ids in concerned.items():
        count = len(ids)
        if version in open_ones:
            have = (known_acks.get(node_id, ()) for node_id in ids)
            count = sum(bool(items) and (items[0].epoch, items[0].version) >= (epoch, version) for items in have)
            if count == len(ids):
                _complete.add((network.pk, epoch, version))
        found[version] = (count, len(ids))
    return found


def _remember(key: tuple[int, int, int]) -> None:
    network_id, _, version = key
    ids = concerned_by(network_id, version)
    _concerned[key] = None if ids is None else frozenset(ids)
    while len(_concerned) > KEPT:
        gone, _ = _concerned.popitem(last=False)
        _complete.discard(gone)
