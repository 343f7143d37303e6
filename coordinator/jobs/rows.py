"""Many nodes read and written at once, with as few statements as there are kinds of news, whatever their number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from acl.models import AutoApproval
from acl.services.approvals import approve_routes
from coordinator.finding.status import one_of
from mesh.change import Cause, ChangeKind
from nodes.changes import record_change
from nodes.facts import node_facts, patches
from nodes.models import Network, Node, NodeTag, Route
from nodes.services.routes import elect_primaries, prefixes_of
from sessions_app.models import NodeSession, User

BATCH: Final = 5000
Patches = list[dict[str, Any]]
"""As ``nodes.facts.patches`` makes them."""
Sets = Mapping[int, Mapping[str, Any]]
"""By node id what it has from now on, in the words of ``mesh.steps.NodePatch``: JSON values, instants excepted."""
_COLUMNS: Final = {"user": "owner_id"}
MOST_STATEMENTS: Final = 50
_WRITTEN: Final = (
    "id", "state", "owner_id", "tagged", "login_required", "online", "key_expires_at", "rotate_requested_at",
)  # fmt: skip
_EACH_POSTGRESQL: Final = """
    UPDATE nodes_node
    SET state = new.state, owner_id = new.owner_id, tagged = new.tagged, login_required = new.login_required,
        online = new.online, key_expires_at = new.key_expires_at, rotate_requested_at = new.rotate_requested_at
    FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bool[], %s::bool[], %s::bool[], %s::timestamptz[],
                %s::timestamptz[])
         AS new (id, state, owner_id, tagged, login_required, online, key_expires_at, rotate_requested_at)
    WHERE nodes_node.id = new.id
"""
_TAGS_POSTGRESQL: Final = "INSERT INTO nodes_nodetag (node_id, tag) SELECT * FROM unnest(%s::bigint[], %s::text[])"


@dataclass(frozen=True, slots=True)
class NodeRow:
    """What acts on many nodes look at."""

    id: int
    name: str
    state: str
    user: int | None
    tags: tuple[str, ...]
    login_required: bool
    online: bool
    key_expires_at: datetime | None
    rotate_requested_at: datetime | None

    @property
    def is_present(self) -> bool:
        """Whether it takes part in the mesh, as far as the node itself decides."""
        return self.state == Node.State.ACTIVE and not self.login_required


def read_rows(network_id: int, node_ids: Collection[int]) -> list[NodeRow]:
    """The nodes that there are of these ids, by id, in two queries."""
    tags: dict[int, list[str]] = defaultdict(list)
    carried = NodeTag.objects.filter(one_of(node_ids, '"nodes_nodetag"."node_id"')).order_by()
    for node_id, tag in carried.values_list("node_id", "tag").iterator(BATCH):
        tags[node_id].append(tag)
    columns = ("name", "state", "owner_id", "login_required", "online", "key_expires_at", "rotate_requested_at")
    rows = Node.objects.filter(one_of(node_ids), network_id=network_id).order_by("pk").values_list("pk", *columns)
    return [
        NodeRow(pk, name, state, owner, tuple(sorted(tags.get(pk, ()))), *rest)
        for pk, name, state, owner, *rest in rows.iterator(BATCH)
    ]


def write_sets(
    *, network: Network, rows: Mapping[int, NodeRow], sets: Sets, cause: Cause, now: datetime
) -> tuple[int, Patches]:
    """Gives nodes of a locked network what ``sets`` says, as one change; returns its version, and ``sets`` as patches.

    ``rows``: the same nodes as they are. Those that take part no more lose their sessions; routers among them are
    replaced, and routes of those that changed hands are approved anew, as the policy says.
    """
    _write_columns(rows, sets)
    _write_tags(rows, sets)
    gone = {pk for pk, new in sets.items() if not _after(rows[pk], new)}
    _end_sessions(rows, sets, gone, now)
    stands = {"state", "login_required", "online"}
    concerned = [pk for pk, new in sets.items() if not stands.isdisjoint(new)]
    moved = elect_primaries(network=network, prefixes=prefixes_of(_routers(concerned)))
    handed = [pk for pk, new in sets.items() if "tags" in new or "user" in new]
    moved |= approve_routes(network=network, node_ids=_routers(handed), now=now) if handed else set()
    told = patches(sets.items())
    facts = node_facts(network.pk, moved) | {"patched": _without(told, moved)}
    return record_change(network=network, kind=ChangeKind.NODES, facts=facts, cause=cause, now=now), told


def _without(told: Patches, node_ids: Collection[int]) -> Patches:
    """Patches without some nodes, which are told whole."""
    if not node_ids:
        return told
    left = ({"ids": [pk for pk in patch["ids"] if pk not in node_ids], "set": patch["set"]} for patch in told)
    return [patch for patch in left if patch["ids"]]


def _after(row: NodeRow, new: Mapping[str, Any]) -> bool:
    """Whether a node takes part after it got what is new."""
    login = new.get("login_required", row.login_required)
    return new.get("state", row.state) == Node.State.ACTIVE and not login


def _write_columns(rows: Mapping[int, NodeRow], sets: Sets) -> None:
    """What differs, in one statement for all who get the same; or, where very many get each its own, in one for all.

    A row that stays as it is, is not written: in PostgreSQL each would be a new one, with all its places in indexes.
    """
    together: dict[Any, list[int]] = defaultdict(list)
    values: dict[int, dict[str, Any]] = {}
    for pk, new in sets.items():
        row = rows[pk]
        columns = {
            _COLUMNS.get(name, name): value
            for name, value in new.items()
            if name != "tags" and value != getattr(row, name)
        }
        if "tags" in new and bool(new["tags"]) is not bool(row.tags):
            columns["tagged"] = bool(new["tags"])
        if columns:
            values[pk] = columns
            together[tuple(columns.items())].append(pk)
    if len(together) > MOST_STATEMENTS and connection.vendor == "postgresql":
        _write_each(rows, values)
        return
    for ids in together.values():
        Node.objects.filter(one_of(ids)).update(**values[ids[0]])


def _write_each(rows: Mapping[int, NodeRow], values: Mapping[int, Mapping[str, Any]]) -> None:
    """Whole columns, of which some stay what they are: under the network's lock nobody else writes them."""
    columns: dict[str, list[Any]] = {name: [] for name in _WRITTEN}
    for pk, new in values.items():
        row = rows[pk]
        known = {"id": pk, "owner_id": row.user, "tagged": bool(row.tags)}
        for name, column in columns.items():
            column.append(new.get(name, known[name] if name in known else getattr(row, name)))
    with connection.cursor() as cursor:
        cursor.execute(_EACH_POSTGRESQL, list(columns.values()))


def _write_tags(rows: Mapping[int, NodeRow], sets: Sets) -> None:
    added: list[tuple[int, str]] = []
    dropped: dict[str, list[int]] = defaultdict(list)
    for pk, new in sets.items():
        if "tags" in new:
            had, has = set(rows[pk].tags), set(new["tags"])
            added.extend((pk, tag) for tag in sorted(has - had))
            for tag in had - has:
                dropped[tag].append(pk)
    for tag, ids in dropped.items():
        NodeTag.objects.filter(one_of(ids, '"nodes_nodetag"."node_id"'), tag=tag).delete()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_TAGS_POSTGRESQL, [[pk for pk, _ in added], [tag for _, tag in added]])
    else:
        NodeTag.objects.bulk_create((NodeTag(node_id=pk, tag=tag) for pk, tag in added), BATCH)


def _end_sessions(rows: Mapping[int, NodeRow], sets: Sets, gone: Iterable[int], now: datetime) -> None:
    by_reason: dict[NodeSession.End, list[int]] = defaultdict(list)
    for pk in gone:
        expired = sets[pk].get("state", rows[pk].state) == Node.State.EXPIRED
        by_reason[NodeSession.End.EXPIRED if expired else NodeSession.End.REVOKED].append(pk)
    for reason, ids in by_reason.items():
        active = NodeSession.objects.filter(one_of(ids, '"sessions_app_nodesession"."node_id"'), ended_at=None)
        active.update(ended_at=now, end_reason=reason, pending_digest=None, pending_pepper="")


def _routers(node_ids: Collection[int]) -> list[int]:
    """Those of some nodes that have routes, or approvals of routes: few."""
    if not node_ids:
        return []
    routes = Route.objects.filter(one_of(node_ids, '"nodes_route"."node_id"')).order_by()
    marks = AutoApproval.objects.filter(one_of(node_ids, '"acl_autoapproval"."node_id"')).order_by()
    return sorted({*routes.values_list("node_id", flat=True), *marks.values_list("node_id", flat=True)})


def owners_that_exist(ids: Iterable[int]) -> set[int]:
    """Those of some users that there still are."""
    return set(User.objects.filter(pk__in=list(ids)).values_list("pk", flat=True))
