"""What counts as writing, whoever wrote the statement."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.roles.judge import Writes


def written(sql: str, params: Any = (), rows: int = 1) -> list[str]:
    writes = Writes()
    writes(lambda *_: None, sql, params, False, {"cursor": SimpleNamespace(rowcount=rows)})
    return writes.tables


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ('UPDATE "nodes_node" SET "name" = %s', ["nodes_node"]),
        ("UPDATE nodes_node SET name = %s", ["nodes_node"]),
        ("\n  update nodes_node set name = %s", ["nodes_node"]),
        ("DELETE FROM nodes_node", ["nodes_node"]),
        ("INSERT OR REPLACE INTO nodes_node VALUES (1)", ["nodes_node"]),
        ("INSERT INTO nodes_node VALUES (1) ON CONFLICT (id) DO UPDATE SET name = %s", ["nodes_node"]),
        ("WITH fresh AS (SELECT 1) UPDATE nodes_node SET name = %s", ["nodes_node"]),
        ("WITH gone AS (DELETE FROM nodes_node RETURNING id) SELECT * FROM gone", ["nodes_node"]),
        ("WITH found AS (SELECT 1) SELECT * FROM found", []),
        ('SELECT * FROM "nodes_node" FOR UPDATE', []),
        ('SELECT * FROM "nodes_node" FOR NO KEY UPDATE OF "nodes_node"', []),
    ],
)
def test_a_statement_writes_what_it_names(sql: str, tables: list[str]) -> None:
    assert written(sql) == tables


def test_an_update_that_finds_nothing_writes_nothing() -> None:
    assert written('UPDATE "nodes_node" SET "name" = %s', rows=0) == []


@pytest.mark.parametrize(
    ("sql", "params", "note"),
    [
        ('INSERT INTO "sessions_app_auditentry" ("kind") VALUES (%s)', ("denied",), True),
        ('INSERT INTO "sessions_app_auditentry" ("kind") SELECT * FROM UNNEST((%s)::varchar[])', (["denied"],), True),
        ('INSERT INTO "sessions_app_auditentry" ("kind") VALUES (%s)', ("sessions_ended",), False),
        ('UPDATE "sessions_app_auditentry" SET "count" = "count" + 1, "last_at" = %s', (), True),
        ('UPDATE "sessions_app_auditentry" SET "facts" = %s', (), False),
        ('UPDATE "sessions_app_portalsession" SET "seen_at" = %s', (), True),
        ('UPDATE "sessions_app_portalsession" SET "user_id" = %s', (), False),
        ('UPDATE "sessions_app_apitoken" SET "last_used_at" = %s, "seen_from" = %s', (), True),
        ('UPDATE "sessions_app_apitoken" SET "revoked_at" = %s', (), False),
    ],
)
def test_notes_about_who_called_are_all_that_is_passed_over(sql: str, params: Any, note: bool) -> None:
    assert written(sql, params) == ([] if note else [sql.split('"')[1]])
