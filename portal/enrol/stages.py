"""How far a machine has come, each stage as the rows of the database tell it. Nothing is guessed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db.models import Q

from nodes.models import Node, Observation
from sessions_app.models import Enrolment

STAGES: Final = ("Seen", "Approved", "Online", "Handshake", "First ping")
_IN_THE_MESH: Final = 4
"""With so many stages behind it a machine and a peer of it have proved their keys to each other."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One step. ``at``: when it was taken, None where that is not recorded; ``state``: done, now or later."""

    word: str
    state: str
    at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine on its way: a node, or an enrolment that waits for a person."""

    name: str
    stages: tuple[Stage, ...]
    node: Node | None = None
    waiting: Enrolment | None = None
    fingerprint: str = ""
    rejected: bool = False
    hint: tuple[str, str, str] | None = None  # words, words of a link, its address
    addresses: tuple[str, ...] = field(default=())

    @property
    def arrived(self) -> bool:
        """Whether its tunnel to a peer works."""
        return all(stage.state == "done" for stage in self.stages[:_IN_THE_MESH])

    @property
    def answered(self) -> bool:
        """Whether nothing is left to wait for."""
        return all(stage.state == "done" for stage in self.stages)


@dataclass(frozen=True, slots=True)
class Came:
    """How a node came: when it was first seen and let in, and by whose word."""

    seen_at: datetime
    approved_at: datetime | None
    by: str


@dataclass(frozen=True, slots=True)
class Handshake:
    """Which peer first heard a node, or was heard by it."""

    at: datetime
    peer: str


def handshakes(node_ids: Collection[int]) -> dict[int, Handshake]:
    """By node, from what agents report of their peers: each report has a fresh WireGuard handshake behind it."""
    rows = (
        Observation.objects.filter(Q(node_id__in=node_ids) | Q(reporter_id__in=node_ids))
        .order_by("since")
        .values_list("node_id", "reporter_id", "node__name", "reporter__name", "since")
    )
    found: dict[int, Handshake] = {}
    for node_id, reporter_id, node_name, reporter_name, since in rows:
        found.setdefault(node_id, Handshake(since, reporter_name))
        found.setdefault(reporter_id, Handshake(since, node_name))
    return found


def stages_of(
    node: Node, came: Came, online_at: datetime | None, shake: Handshake | None, pinged: str
) -> tuple[Stage, ...]:
    """The stages of a node. ``pinged``: the name of the peer that answered its first ping."""
    heard = node.online or node.last_seen is not None or online_at is not None
    ping_at = node.first_ping_at
    shake_at = ping_at if shake is None else shake.at
    return in_order(
        [
            (True, came.seen_at, ""),
            (True, came.approved_at, came.by),
            (heard, online_at or node.last_seen, ""),
            (shake_at is not None, shake_at, "" if shake is None else f"with {shake.peer}"),
            (ping_at is not None, ping_at, _ping_note(node, pinged)),
        ]
    )


def _ping_note(node: Node, peer: str) -> str:
    if node.first_ping_ms is None:
        return ""
    took = f"{node.first_ping_ms:.0f}\u00a0ms" if node.first_ping_ms >= 10 else f"{node.first_ping_ms:.1f}\u00a0ms"
    return f"{peer} in {took}" if peer else took


def stages_of_asking(enrolment: Enrolment) -> tuple[Stage, ...]:
    """The stages of a machine that waits for a person."""
    return in_order([(True, enrolment.created_at, ""), *[(False, None, "")] * (len(STAGES) - 1)])


def in_order(taken: Iterable[tuple[bool, datetime | None, str]]) -> tuple[Stage, ...]:
    """Stages from whether each was taken, when, and a note. The first that was not is the one to wait for."""
    made, waits = [], True
    for word, (done, at, note) in zip(STAGES, taken, strict=True):
        state = "done" if done else "now" if waits else "later"
        waits = waits and done
        made.append(Stage(word, state, at if done else None, note if done else ""))
    return tuple(made)
