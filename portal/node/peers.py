"""Many nodes in few words: by name where they are few, else by tags and people with numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.safestring import SafeString

from mesh.compile import IdSet
from mesh.netmap.state import State
from nodes.models import Node
from portal import html, links, live

NAMED: Final = 8
"""More peers than that become chips with numbers."""
CHIPS: Final = 10
USERS: Final = 6
"""Of more people than that nobody is named."""
COUNTED: Final = 5000
"""Of more nodes than that nobody is visited one by one."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A node as a line names it."""

    name: SafeString
    glyph: str
    word: str


@dataclass(frozen=True, slots=True)
class Crowd:
    """A chip, how many nodes it stands for, and how many of these are not online (None: not counted)."""

    chip: SafeString
    nodes: int
    silent: int | None


def peers_of(ids: Iterable[int], now: datetime) -> dict[int, Peer]:
    """The nodes with these ids, in two queries."""
    rows = Node.objects.filter(pk__in=list(ids)).select_related("network").defer("posture", "relay_latency_ms")
    nodes = list(rows)
    states = live.live_of(nodes, now)
    return {
        node.pk: Peer(links.node_link(node), states[node.pk].glyph, states[node.pk].word)
        for node in sorted(nodes, key=lambda node: node.name)
    }


def crowds_of(state: State, ids: IdSet) -> tuple[list[Crowd], int]:
    """Nodes by what they belong to, the most first, and how many tags or people did not fit."""
    nodes, silent = _few(state, ids) if len(ids) <= COUNTED else (_many(state, ids), None)
    people = {key: number for key, number in nodes.items() if isinstance(key, int)}
    if len(people) > USERS:
        nodes = Counter({key: number for key, number in nodes.items() if not isinstance(key, int)})
        nodes["people"] = sum(people.values())
        if silent is not None:
            silent["people"] = sum(silent[key] for key in people)
    ranked = sorted(nodes, key=lambda key: (-nodes[key], str(key)))
    found = [Crowd(_chip(state, key), nodes[key], None if silent is None else silent[key]) for key in ranked[:CHIPS]]
    return found, max(0, len(ranked) - CHIPS)


def _chip(state: State, key: int | str) -> SafeString:
    if isinstance(key, str):
        url = links.list_url("nodes.node", f"tag={key.removeprefix('tag:')}") if key.startswith("tag:") else ""
        return html.chip(key, url=url, people=not key.startswith("tag:"))
    user = state.topology.users.get(key)
    login = f"#{key}" if user is None else user.display_name or user.login
    return html.chip(login, url=links.change_url("sessions_app.user", key), people=True)


def _few(state: State, ids: IdSet) -> tuple[Counter[int | str], Counter[int | str]]:
    nodes: Counter[int | str] = Counter()
    silent: Counter[int | str] = Counter()
    for node_id in ids:
        record = state.topology.nodes.get(node_id)
        if record is None:
            continue
        keys: tuple[int | str, ...] = record.tags or (("nobody",) if record.user is None else (record.user,))
        for key in keys:
            nodes[key] += 1
            silent[key] += not record.online
    return nodes, silent


def _many(state: State, ids: IdSet) -> Counter[int | str]:
    """The same by principals, of whom there are fewer than nodes."""
    nodes: Counter[int | str] = Counter()
    world = state.policy.world
    for principal, members in world.principals.items():
        number = len(ids & world.id_set(members))
        if not number:
            continue
        if isinstance(principal, frozenset):
            for tag in principal:
                nodes[tag] += number
        else:
            nodes["nobody" if principal is None else principal] += number
    return nodes


Peers = Mapping[int, Peer]
