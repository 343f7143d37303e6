"""What pages are told: that something of a type happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Case, Field, JSONField, TextField, Value, When
from django.db.models.functions import Cast, Length

from nodes.models import Change
from portal.sockets.kinds import ABOUT_NODES, EVENT_RIGHTS

MOST_NODES: Final = 50
"""An event that concerns more nodes than this names none: the page asks anew either way."""
MOST_CHANGES: Final = 500
"""Further behind than this, pages are told that all may have changed."""
MOST_FACTS: Final = 65_536
"""Characters of facts beyond which they are not read: a change of that size concerns very many nodes."""


@dataclass(frozen=True, slots=True)
class Event:
    """``nodes``: whom it concerns; None where that is not said, or very many. ``network_id`` 0: all networks.

    ``owned``: ids of nodes with those of the people whom they now belong to, as far as the event tells; never sent.
    """

    type: str
    network_id: int
    version: int | None = None
    nodes: frozenset[int] | None = None
    owned: frozenset[tuple[int, int]] = frozenset()

    def merged(self, later: Event) -> Event:
        """One event for both. Of two networks: of all."""
        nodes = None if self.nodes is None or later.nodes is None else self.nodes | later.nodes
        if nodes is not None and len(nodes) > MOST_NODES:
            nodes = None
        owned = frozenset() if nodes is None else self.owned | later.owned
        if self.network_id != later.network_id:
            return Event(self.type, 0, None, nodes, owned)
        return Event(self.type, self.network_id, max_of(self.version, later.version), nodes, owned)

    def message(self) -> dict[str, Any]:
        """As it goes over the socket."""
        said: dict[str, Any] = {"type": self.type, "network": self.network_id}
        if self.version is not None:
            said["version"] = self.version
        if self.nodes is not None:
            said["nodes"] = sorted(self.nodes)
        return said


def max_of(one: int | None, other: int | None) -> int | None:
    """The greater of two versions, where there are any."""
    return other if one is None else one if other is None else max(one, other)


def merge(events: Iterable[Event]) -> dict[str, Event]:
    """One event a type."""
    found: dict[str, Event] = {}
    for event in events:
        known = found.get(event.type)
        found[event.type] = event if known is None else known.merged(event)
    return found


def read_events(network_id: int, after: int, to: int) -> list[Event]:
    """The events of the changes between two versions, in one query: one a type."""
    size = Length(Cast("facts", TextField()))
    facts: Field[Any, Any] = JSONField()
    rows = list(
        Change.objects.filter(network_id=network_id, version__gt=after, version__lte=to)
        .order_by("version")
        .annotate(gw_size=size)
        .annotate(gw_read=Case(When(gw_size__lte=MOST_FACTS, then="facts"), default=Value(None), output_field=facts))
        .values_list("version", "kind", "gw_read")[: MOST_CHANGES + 1]
    )
    if len(rows) > MOST_CHANGES or to - after > len(rows):
        return [Event(kind, network_id, to) for kind in EVENT_RIGHTS]
    return list(
        merge(
            Event(kind, network_id, version, *((nodes_in(said), owned_in(said)) if kind in ABOUT_NODES else ()))
            for version, kind, said in rows
        ).values()
    )


def nodes_in(facts: Any) -> frozenset[int] | None:
    """Ids of the nodes that a change's facts speak of (``nodes.facts``); None for facts that are not there."""
    if not isinstance(facts, Mapping):
        return None
    found: set[int] = set()
    for member in ("nodes", "removed", "online", "offline", "ended"):
        for item in facts.get(member) or ():
            value = item.get("id") if isinstance(item, Mapping) else item
            if isinstance(value, int):
                found.add(value)
    for patch in facts.get("patched") or ():
        found.update(patch["ids"])
    for member in ("endpoints", "observed", "started"):
        found.update(int(key) for key in facts.get(member) or () if str(key).isdigit())
    return frozenset(found) if len(found) <= MOST_NODES else None


def owned_in(facts: Any) -> frozenset[tuple[int, int]]:
    """The nodes that facts tell whole, with whom they belong to."""
    rows = facts.get("nodes") or () if isinstance(facts, Mapping) else ()
    pairs = ((row.get("id"), row.get("user")) for row in rows if isinstance(row, Mapping))
    return frozenset((node, user) for node, user in pairs if isinstance(node, int) and isinstance(user, int))
