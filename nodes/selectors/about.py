"""Which nodes a change speaks of, and which changes speak of some nodes.

On PostgreSQL an index answers, however long the log is: ``gw_nodes_of_change`` (migration 0012) says of a row what
``node_ids_of`` says here. On SQLite each row is looked at, and what may fit has to be asked ``node_ids_of``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from django.db import connection
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL

from nodes.facts import homed_ids, patched_ids
from nodes.models import Change

KINDS: Final = ("nodes", "endpoints", "presence", "sessions", "network")
"""Only these speak of nodes."""
# Materialized, and gathered first: the planner knows too little of the function not to read the whole log beside it.
_NAMED: Final = """
    SELECT id FROM nodes_change
    WHERE gw_nodes_of_change(facts) && %s::bigint[]
        AND kind IN ('nodes', 'endpoints', 'presence', 'sessions', 'network')
"""
_MADE: Final = " UNION SELECT id FROM nodes_change WHERE actor = ANY (%s::text[])"
_FOUND: Final = '"nodes_change"."id" = ANY (ARRAY(WITH found AS MATERIALIZED ({rows}) SELECT id FROM found))'


def about_nodes(node_ids: Collection[int], *, made: bool = False) -> Q:
    """Changes that speak of any of these nodes, or that one of them ``made``; where ``is_exact`` does not hold, some
    more."""
    if not node_ids:
        return Q(pk__in=())
    actors = [f"node:{pk}" for pk in node_ids]
    if connection.vendor == "postgresql":
        rows, values = (_NAMED + _MADE, [list(node_ids), actors]) if made else (_NAMED, [list(node_ids)])
        found = _FOUND.format(rows=rows)
        return Q(RawSQL(found, values, output_field=BooleanField()))  # noqa: S611 - the ids are parameters
    # Numbers as a whole, wherever they stand.
    numbers = rf"(^|[^0-9])({'|'.join(str(int(pk)) for pk in node_ids)})([^0-9]|$)"
    said = RawSQL('"nodes_change"."facts" REGEXP %s', [numbers], output_field=BooleanField())
    named = Q(said, kind__in=KINDS)
    return named | Q(actor__in=actors) if made else named


def is_exact() -> bool:
    """Whether ``about_nodes`` finds no other rows, and reads none to find them."""
    return connection.vendor == "postgresql"


def node_ids_of(change: Change) -> list[int]:
    """Ids of the nodes that a change speaks of."""
    if change.kind not in KINDS:
        return []
    facts: Mapping[str, Any] = change.facts if isinstance(change.facts, dict) else {}
    if change.kind == "network":
        return homed_ids(facts)
    found: list[int] = []
    for key in ("nodes", "removed", "online", "offline", "ended"):
        for item in facts.get(key) or ():
            found.append(item["id"] if isinstance(item, dict) else item)
    found += patched_ids(facts)
    found += [int(key) for name in ("endpoints", "started") for key in facts.get(name) or ()]
    return list(dict.fromkeys(found))
