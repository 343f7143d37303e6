"""Which nodes a change speaks of, and which changes speak of some nodes.

On PostgreSQL an index answers, however long the log is (migration 0013): ``gw_nodes_of_change`` (0012) says of a row
what ``node_ids_of`` says here. On SQLite each row is looked at, and what may fit has to be asked ``node_ids_of``.
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
_OF_KINDS: Final = ", ".join(f"'{kind}'" for kind in KINDS)
# The index's own predicate: what retention has emptied speaks of nothing.
_NAMED: Final = f"""
    SELECT id FROM nodes_change
    WHERE gw_nodes_of_change(facts) && %s::bigint[] AND kind IN ({_OF_KINDS}) AND NOT pruned
"""  # noqa: S608 - of constants alone
# Materialized, and gathered first: the planner knows too little of the function not to read the whole log beside it.
_FOUND: Final = '"nodes_change"."id" = ANY (ARRAY(WITH found AS MATERIALIZED ({named}) SELECT id FROM found))'
_WITHIN: Final = " AND id >= %s AND id < %s"
_OF_NETWORK: Final = " AND network_id = %s"
_NEWEST: Final = """
    WITH named AS MATERIALIZED ({named}{within})
    SELECT id FROM ((SELECT id FROM named ORDER BY id DESC LIMIT %s){made}) AS either ORDER BY id DESC LIMIT %s
"""
_MADE: Final = """
    UNION SELECT made.id FROM unnest(%s::text[]) AS actors (name), LATERAL (
        SELECT id FROM nodes_change WHERE actor = actors.name{within} ORDER BY id DESC LIMIT %s
    ) AS made
"""


def about_nodes(node_ids: Collection[int], *, made: bool = False) -> Q:
    """Changes that speak of any of these nodes, or that one of them ``made``; where ``is_exact`` does not hold, some
    more."""
    if not node_ids:
        return Q(pk__in=())
    actors = Q(actor__in=[f"node:{pk}" for pk in node_ids]) if made else Q()
    if connection.vendor == "postgresql":
        found = _FOUND.format(named=_NAMED)
        named = RawSQL(found, [list(node_ids)], output_field=BooleanField())  # noqa: S611 - the ids are parameters
        return Q(named) | actors
    # Numbers as a whole, wherever they stand.
    numbers = rf"(^|[^0-9])({'|'.join(str(int(pk)) for pk in node_ids)})([^0-9]|$)"
    said = RawSQL('"nodes_change"."facts" REGEXP %s', [numbers], output_field=BooleanField())
    return Q(said, kind__in=KINDS) | actors


def newest_about(
    node_ids: Collection[int],
    *,
    low: int,
    below: int,
    limit: int,
    network_id: int | None = None,
    made: bool = False,
) -> list[int]:
    """Ids of the newest changes that ``about_nodes`` finds, from ``low`` on and less than ``below``; the newest first,
    at most ``limit``. In one statement, and only where ``is_exact`` holds."""
    within, bounds = _WITHIN, [low, below]
    if network_id is not None:
        within, bounds = within + _OF_NETWORK, [*bounds, network_id]
    values: list[Any] = [list(node_ids), *bounds, limit]
    if made:
        values += [[f"node:{pk}" for pk in node_ids], *bounds, limit]
    statement = _NEWEST.format(named=_NAMED, within=within, made=_MADE.format(within=within) if made else "")
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, limit])
        return [int(pk) for (pk,) in cursor.fetchall()]


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
    found += [int(key) for name in ("endpoints", "started") for key in facts.get(name) or () if key.isdecimal()]
    return list(dict.fromkeys(found))
