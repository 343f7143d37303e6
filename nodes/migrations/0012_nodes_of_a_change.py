"""Says on PostgreSQL of a change's facts what ``nodes.selectors.about.node_ids_of`` says: which nodes they speak of."""

from typing import Any

from django.db import migrations

# What is no id is passed over: no row is refused because an index cannot read it. All are looked at together first, as
# one by one takes as long as all the rest of it.
FUNCTION = """
CREATE FUNCTION gw_nodes_of_change(facts jsonb) RETURNS bigint[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    found text[] := '{}';
    member text;
BEGIN
    FOREACH member IN ARRAY ARRAY['nodes', 'removed', 'online', 'offline', 'ended'] LOOP
        IF jsonb_typeof(facts -> member) = 'array' THEN
            found := found || ARRAY(
                SELECT CASE WHEN jsonb_typeof(item) = 'object' THEN item ->> 'id' ELSE item #>> '{}' END
                FROM jsonb_array_elements(facts -> member) AS items (item)
            );
        END IF;
    END LOOP;
    IF jsonb_typeof(facts -> 'patched') = 'array' THEN
        found := found || ARRAY(
            SELECT id FROM jsonb_array_elements(facts -> 'patched') AS patches (patch),
                jsonb_array_elements_text(
                    CASE WHEN jsonb_typeof(patch -> 'ids') = 'array' THEN patch -> 'ids' ELSE '[]' END
                ) AS ids (id)
        );
    END IF;
    IF jsonb_typeof(facts -> 'homes') = 'array' THEN
        found := found || ARRAY(
            SELECT id FROM jsonb_array_elements(facts -> 'homes') AS homes (home),
                jsonb_array_elements_text(
                    CASE WHEN jsonb_typeof(home -> 'nodes') = 'array' THEN home -> 'nodes' ELSE '[]' END
                ) AS ids (id)
        );
    END IF;
    FOREACH member IN ARRAY ARRAY['endpoints', 'started'] LOOP
        IF jsonb_typeof(facts -> member) = 'object' THEN
            found := found || ARRAY(SELECT id FROM jsonb_object_keys(facts -> member) AS ids (id));
        END IF;
    END LOOP;
    IF array_to_string(found, ',') !~ '[^0-9,]|[0-9]{19}|(^|,)(,|$)' THEN
        RETURN found::bigint[];
    END IF;
    RETURN ARRAY(SELECT id::bigint FROM unnest(found) AS ids (id) WHERE id ~ '^[0-9]{1,18}$');
END $$
"""


def make(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(FUNCTION)


def drop(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION gw_nodes_of_change")


class Migration(migrations.Migration):
    dependencies = [
        ("nodes", "0011_first_ping"),
    ]

    operations = [
        migrations.RunPython(make, drop),
    ]
