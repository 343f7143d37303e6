"""Finds the changes that speak of a node, and those that somebody made, by index.

On PostgreSQL both are built beside running writers: nothing is registered while a plain one is made of a long log. So
this runs outside of a transaction; what was left of a run that broke off is made anew by the next.
"""

from collections.abc import Callable
from typing import Any

from django.db import migrations, models

ABOUT = "change_about_nodes"
ACTOR = "change_actor"
# Without rows that retention has emptied: they speak of nothing any more.
INDEXES = {
    ABOUT: """
        CREATE INDEX CONCURRENTLY IF NOT EXISTS change_about_nodes
        ON nodes_change USING gin (gw_nodes_of_change(facts)) WITH (fastupdate = off)
        WHERE kind IN ('nodes', 'endpoints', 'presence', 'sessions', 'network') AND NOT pruned
    """,
    ACTOR: "CREATE INDEX CONCURRENTLY IF NOT EXISTS change_actor ON nodes_change (actor, id)",
}
INVALID = """
    SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid
"""


def make(name: str) -> Callable[[Any, Any], None]:
    def run(apps: Any, schema_editor: Any) -> None:
        connection = schema_editor.connection
        if connection.vendor != "postgresql":
            if name == ACTOR:
                schema_editor.add_index(apps.get_model("nodes", "change"), INDEX)
            return
        with connection.cursor() as cursor:
            cursor.execute(INVALID, [name])
            if cursor.fetchone() is not None:
                cursor.execute(f"DROP INDEX CONCURRENTLY {name}")
            cursor.execute(INDEXES[name])

    return run


def drop(name: str) -> Callable[[Any, Any], None]:
    def run(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        elif name == ACTOR:
            schema_editor.remove_index(apps.get_model("nodes", "change"), INDEX)

    return run


INDEX = models.Index(fields=["actor", "id"], name=ACTOR)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("nodes", "0012_nodes_of_a_change"),
    ]

    operations = [
        migrations.RunPython(make(ABOUT), drop(ABOUT)),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(make(ACTOR), drop(ACTOR))],
            state_operations=[migrations.AddIndex(model_name="change", index=INDEX)],
        ),
    ]
