"""Which nodes are meant, and in which order: said alike by the list's page, the API, commands and jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Final, Self

from django.db.models import F, Q, QuerySet
from django.db.models.expressions import Combinable

from coordinator.admin_api.health import STATUSES
from coordinator.finding.search import search_nodes
from coordinator.finding.status import has_status, late_ids, status_rank
from mesh.errors import FieldError, ValidationError
from nodes.models import Node, NodeTag

SEEN: Final = {
    "hour": "within an hour",
    "day": "within a day",
    "week": "within a week",
    "older": "not for a week",
    "never": "never",
}
KEY_ENDS: Final = {"over": "over", "7": "within 7 days", "30": "within 30 days", "never": "never"}
ORDERS: Final = ("attention", "id", "name", "owner", "system", "seen", "key")
_SPANS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}


@dataclass(frozen=True, slots=True)
class Criteria:
    """What nodes must be; empty members say nothing. ``statuses`` one of, ``tags`` all of, the rest each.

    ``owner`` is a user's id. ``seen`` and ``key`` are words of ``SEEN`` and ``KEY_ENDS``; ``ids`` names nodes one by
    one.
    """

    q: str = ""
    statuses: tuple[str, ...] = ()
    owner: int | None = None
    tags: tuple[str, ...] = ()
    os: str = ""
    agent: str = ""
    seen: str = ""
    key: str = ""
    ids: tuple[int, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """The members that say something, for a job to keep."""
        return {item.name: value for item in fields(self) if (value := getattr(self, item.name)) not in ("", (), None)}

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> Self:
        """What ``as_json`` made."""
        members: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in stored.items()}
        return cls(**members)


def check(criteria: Criteria) -> None:
    """Raises ValidationError naming each member that cannot be."""
    errors = [
        FieldError("status", f"There is no status {word!r}: {', '.join(STATUSES)}.")
        for word in criteria.statuses
        if word not in STATUSES
    ]
    for name, known in (("seen", SEEN), ("key", KEY_ENDS)):
        value = getattr(criteria, name)
        if value and value not in known:
            errors.append(FieldError(name, f"One of {', '.join(known)}."))
    if errors:
        raise ValidationError("The nodes cannot be chosen so.", errors=tuple(errors))


def match(rows: QuerySet[Node], criteria: Criteria, now: datetime) -> QuerySet[Node]:
    """Those of ``rows`` that the criteria mean. Raises ValidationError as ``check`` does."""
    check(criteria)
    if criteria.statuses:
        rows = rows.filter(of_statuses(criteria.statuses, now))
    if criteria.owner is not None:
        rows = rows.filter(owner_id=criteria.owner)
    for tag in criteria.tags:
        rows = rows.filter(has_tag(tag))
    for column, value in (("os", criteria.os), ("agent_version", criteria.agent)):
        if value:
            rows = rows.filter(**{column: value})
    if criteria.seen:
        rows = rows.filter(seen(criteria.seen, now))
    if criteria.key:
        rows = rows.filter(key_ends(criteria.key, now))
    if criteria.ids:
        rows = rows.filter(pk__in=criteria.ids)
    return search_nodes(rows, criteria.q) if criteria.q else rows


def of_statuses(statuses: Iterable[str], now: datetime, late: Iterable[int] | None = None) -> Q:
    """Nodes of one of these statuses. ``late``: from ``late_ids``, where the caller has it already."""
    statuses = list(statuses)
    if late is None:
        late = late_ids(now) if {"online", "late"}.intersection(statuses) else ()
    late = list(late)
    found = Q()
    for status in statuses:
        found |= has_status(status, late)
    return found


def has_tag(tag: str) -> Q:
    """Nodes that carry a tag, written with ``tag:`` or without."""
    name = tag if tag.startswith("tag:") else f"tag:{tag}"
    return Q(pk__in=NodeTag.objects.filter(tag=name.replace("\x00", "")).order_by().values("node_id"))


def seen(word: str, now: datetime) -> Q:
    """Nodes that were last heard then. Of those online the database knows no more than that."""
    if word == "never":
        return Q(online=False, last_seen=None)
    if word == "older":
        return Q(online=False, last_seen__lt=now - _SPANS["week"])
    return Q(online=True) | Q(last_seen__gte=now - _SPANS[word])


def key_ends(word: str, now: datetime) -> Q:
    """Nodes whose key ends then."""
    if word == "over":
        return Q(key_expires_at__lte=now)
    if word == "never":
        return Q(key_expires_at=None)
    return Q(key_expires_at__gt=now, key_expires_at__lte=now + timedelta(days=int(word)))


def order_of(name: str, now: datetime, late: Iterable[int] | None = None) -> list[str | Combinable]:
    """An order by its name, a ``-`` before it for descending; any two nodes differ by it.

    Raises ValidationError for one that is none of ``ORDERS``.
    """
    word, down = name.removeprefix("-"), name.startswith("-")
    if word not in ORDERS:
        message = f"One of {', '.join(ORDERS)}; with a - before it for descending."
        raise ValidationError("There is no such order.", errors=(FieldError("order", message),))
    if word == "attention":
        rank = status_rank(late_ids(now) if late is None else late)
        return [rank.desc() if down else rank.asc(), "-name" if down else "name", "-pk" if down else "pk"]
    if word == "id":
        return ["-pk" if down else "pk"]
    column = {"owner": "owner__username", "system": "os", "seen": "last_seen", "key": "key_expires_at"}.get(word, word)
    return [F(column).desc() if down else F(column).asc(), "-pk"]
