"""Finds the changes that speak of a node, and those that somebody made, by index: on PostgreSQL, the first by a function
that says what ``nodes.selectors.about.node_ids_of`` says."""

from typing import Any

from django.db import migrations, models

FUNCTION = """
CREATE FUNCTION gw_nodes_of_change(facts jsonb) RETURNS bigint[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    found bigint[] := '{}';
    member text;
BEGIN
    FOREACH member IN ARRAY ARRAY['nodes', 'removed', 'online', 'offline', 'ended'] LOOP
        IF jsonb_typeof(facts -> member) = 'array' THEN
            found := found || ARRAY(
                SELECT (CASE WHEN jsonb_typeof(item) = 'object' THEN item ->> 'id' ELSE item #>> '{}' END)::bigint
                FROM jsonb_array_elements(facts -> member) AS items (item)
            );
        END IF;
    END LOOP;
    IF jsonb_typeof(facts -> 'patched') = 'array' THEN
        found := found || ARRAY(
            SELECT id::bigint FROM jsonb_array_elements(facts -> 'patched') AS patches (patch),
                jsonb_array_elements_text(patch -> 'ids') AS ids (id)
        );
    END IF;
    IF jsonb_typeof(facts -> 'homes') = 'array' THEN
        found := found || ARRAY(
            SELECT id::bigint FROM jsonb_array_elements(facts -> 'homes') AS homes (home),
                jsonb_array_elements_text(home -> 'nodes') AS ids (id)
        );
    END IF;
    FOREACH member IN ARRAY ARRAY['endpoints', 'started'] LOOP
        IF jsonb_typeof(facts -> member) = 'object' THEN
            found := found || ARRAY(SELECT id::bigint FROM jsonb_object_keys(facts -> member) AS ids (id));
        END IF;
    END LOOP;
    RETURN found;
END $$
"""
# Without a list of what is pending: whoever came when it is full would wait, with a network's lock in hand.
INDEX = """
CREATE INDEX change_about_nodes ON nodes_change USING gin (gw_nodes_of_change(facts)) WITH (fastupdate = off)
WHERE kind IN ('nodes', 'endpoints', 'presence', 'sessions', 'network')
"""


def make(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(FUNCTION)
        schema_editor.execute(INDEX)


def drop(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX change_about_nodes")
        schema_editor.execute("DROP FUNCTION gw_nodes_of_change")


class Migration(migrations.Migration):
    dependencies = [
        ("nodes", "0011_first_ping"),
    ]

    operations = [
        migrations.RunPython(make, drop),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(fields=["actor", "id"], name="change_actor"),
        ),
    ]
