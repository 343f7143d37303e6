"""How far the machines of an auth key have come, each stage as the rows of the database tell it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db.models import Min, Q
from django.utils import timezone

from mesh.keys import decode_public_key, fingerprint
from nodes.models import Node, Observation, OnlineSpan, TrafficTotal
from portal.enrol.hints import hint_for
from sessions_app.models import AuthKey, AuthKeyUse, Enrolment
from sessions_app.services.enrolments import live_enrolments

SHOWN: Final = 10
"""So many machines of a key are followed: those that came last."""
STAGES: Final = ("Seen", "Approved", "Online", "Handshake", "First peer")


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
        """Whether nothing is left to wait for."""
        return all(stage.state == "done" for stage in self.stages)


@dataclass(frozen=True, slots=True)
class Handshake:
    """Who heard whom: ``first`` is when a peer or the node first told so, ``both`` names a peer where both did."""

    first: datetime
    peer: str
    both: datetime | None = None


def machines_of(key: AuthKey, now: datetime) -> list[Machine]:
    """The machines that used ``key`` or ask to, the latest first; ``SHOWN`` at most."""
    asking = live_enrolments(now).filter(auth_key=key).exclude(state=Enrolment.State.APPROVED).order_by("-pk")[:SHOWN]
    found = [_asking(enrolment) for enrolment in asking]
    uses = list(
        AuthKeyUse.objects.filter(auth_key=key)
        .select_related("node__network")
        .prefetch_related("node__addresses")
        .order_by("-pk")[: SHOWN - len(found)]
    )
    ids = [use.node_id for use in uses]
    asked = {
        row.node_id: row
        for row in Enrolment.objects.filter(node_id__in=ids, auth_key=key, state=Enrolment.State.APPROVED)
    }
    online = dict(
        OnlineSpan.objects.filter(node_id__in=ids).order_by().values_list("node_id").annotate(first=Min("began"))
    )
    shaken = handshakes(ids)
    flowed = {row.node_id: row for row in TrafficTotal.objects.filter(node_id__in=ids, rx_bytes__gt=0)}
    for use in uses:
        node = use.node
        stages = _stages(use, asked.get(node.pk), online.get(node.pk), shaken.get(node.pk), flowed.get(node.pk))
        machine_addresses = tuple(row.address for row in sorted(node.addresses.all(), key=lambda row: row.family))
        hint = hint_for(node, [(stage.word, stage.state, stage.at) for stage in stages], use.created_at, now)
        found.append(Machine(node.name, stages, node=node, hint=hint, addresses=machine_addresses))
    return found


def handshakes(node_ids: Collection[int]) -> dict[int, Handshake]:
    """By node, from what agents report of their peers: WireGuard learns an address from authenticated packets alone."""
    rows = (
        Observation.objects.filter(Q(node_id__in=node_ids) | Q(reporter_id__in=node_ids))
        .order_by("since")
        .values_list("node_id", "reporter_id", "node__name", "reporter__name", "since")
    )
    told: dict[tuple[int, int], datetime] = {}
    names: dict[int, str] = {}
    for node_id, reporter_id, node_name, reporter_name, since in rows:
        told[node_id, reporter_id] = since
        names |= {node_id: node_name, reporter_id: reporter_name}
    return {ident: shake for ident in node_ids if (shake := _shake(ident, told, names)) is not None}


def _shake(ident: int, told: dict[tuple[int, int], datetime], names: dict[int, str]) -> Handshake | None:
    mine = {pair: at for pair, at in told.items() if ident in pair}
    if not mine:
        return None
    mutual = sorted((max(at, mine[pair[::-1]]), pair) for pair, at in mine.items() if pair[::-1] in mine)
    both, pair = mutual[0] if mutual else (None, min(mine, key=lambda pair: mine[pair]))
    peer = pair[0] if pair[1] == ident else pair[1]
    return Handshake(min(mine.values()), names[peer], both)


def _stages(
    use: AuthKeyUse,
    asked: Enrolment | None,
    online_at: datetime | None,
    shake: Handshake | None,
    traffic: TrafficTotal | None,
) -> tuple[Stage, ...]:
    node = use.node
    came = node.online or node.last_seen is not None or online_at is not None
    reached_at = shake.both if shake is not None and shake.both is not None else None
    through = traffic is not None and traffic.rx_bytes > 0 and traffic.tx_bytes > 0
    taken: list[tuple[bool, datetime | None, str]] = [
        (True, asked.created_at if asked is not None else use.created_at, ""),
        (True, asked.decided_at if asked is not None else use.created_at, "" if asked is not None else "by its key"),
        (came, online_at or node.last_seen, ""),
        (shake is not None or through, shake.first if shake is not None else None, _shake_note(shake)),
        (reached_at is not None or through, reached_at or (traffic.told_at if traffic and through else None), ""),
    ]
    if reached_at is not None and shake is not None:
        taken[4] = (True, reached_at, f"{shake.peer}, both ways")
    elif through:
        taken[4] = (*taken[4][:2], "bytes both ways")
    return tuple(_in_order(taken))


def _shake_note(shake: Handshake | None) -> str:
    return "" if shake is None else f"with {shake.peer}"


def _in_order(taken: Iterable[tuple[bool, datetime | None, str]]) -> list[Stage]:
    made, waits = [], True
    for word, (done, at, note) in zip(STAGES, taken, strict=True):
        state = "done" if done else "now" if waits else "later"
        waits = waits and done
        made.append(Stage(word, state, at if done else None, note if done else ""))
    return made


def _asking(enrolment: Enrolment) -> Machine:
    rejected = enrolment.state == Enrolment.State.REJECTED
    taken: list[tuple[bool, datetime | None, str]] = [(True, enrolment.created_at, ""), *[(False, None, "")] * 4]
    return Machine(
        enrolment.hostname,
        tuple(_in_order(taken)),
        waiting=None if rejected else enrolment,
        fingerprint=fingerprint(decode_public_key(enrolment.public_key)),
        rejected=rejected,
    )


def followed(key: AuthKey) -> dict[str, object]:
    """What the part of a page shows that follows a key's machines."""
    now = timezone.now()
    machines = machines_of(key, now)
    usable = key.revoked_at is None and (key.expires_at is None or key.expires_at > now)
    left = None if key.max_uses is None else max(key.max_uses - key.uses, 0)
    return {
        "machines": machines,
        "more": max(key.uses - sum(machine.node is not None for machine in machines), 0),
        "waits": usable and left != 0,
        "uses_left": left,
        "slow": not machines and (now - key.created_at).total_seconds() > 120,
    }
