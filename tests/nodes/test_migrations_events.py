"""Indexes that are built beside writers: what a run that broke off left is made anew."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

migration = import_module("nodes.migrations.0013_events_of_a_node")

INDEXES = """
    SELECT relname, indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid
    WHERE relname IN ('change_about_nodes', 'change_actor') ORDER BY relname
"""
BREAK = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(%s)"


def indexes() -> list[tuple[str, bool]]:
    with connection.cursor() as cursor:
        cursor.execute(INDEXES)
        return [(str(name), bool(valid)) for name, valid in cursor.fetchall()]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite builds indexes at once")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", [migration.ABOUT, migration.ACTOR])
def test_a_broken_index_is_built_anew_and_a_sound_one_left(name: str) -> None:
    assert not migration.Migration.atomic
    both = [("change_about_nodes", True), ("change_actor", True)]
    assert indexes() == both
    with connection.schema_editor(atomic=False) as editor:
        with connection.cursor() as cursor:
            cursor.execute(BREAK, [name])
        assert (name, False) in indexes()
        migration.make(name)(apps, editor)
        assert indexes() == both
        migration.make(name)(apps, editor)
        migration.drop(name)(apps, editor)
        assert [found for found, _ in indexes()] == [found for found, _ in both if found != name]
        migration.make(name)(apps, editor)
        assert indexes() == both
