"""Many rows at once: written by the database itself (PostgreSQL's ``generate_series``), not one by one from Python."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.db.models import Model
from django.utils import timezone

LONG: Final = "a-name-that-somebody-generated-and-that-nobody-ever-had-to-type"
"""As long as the name of a node or a group may be: 63 letters."""
WORDS: Final = "Everything that was ever said about this, in one line that does not end: " + "and so on, " * 30
KEY: Final = "'{}' || (1000000000 + i)::text || repeat('x', 30) || 'A='"
"""SQL of a public key: 43 characters of base64, of which the prefix takes two and the number ten, and a sign."""
DIGEST: Final = "sha256(('{}' || i)::bytea)"


def instant(at: datetime) -> str:
    """SQL of an instant."""
    return f"'{at.isoformat()}'::timestamptz"


def write_rows(model: type[Model], number: int, /, **columns: str) -> None:
    """Writes ``number`` rows. A column is SQL over ``i``, which runs from 1; the others hold their fields' defaults.

    Where ``id`` is given, the sequence of ids goes on after the last.
    """
    names: list[str] = []
    values: list[str] = []
    parameters: list[Any] = []
    for field in model._meta.concrete_fields:
        name = str(field.column)
        if name in columns:
            names.append(name)
            values.append(columns[name].replace("%", "%%"))
        elif not field.primary_key:
            names.append(name)
            values.append("%s")
            parameters.append(_default(field))
    table = connection.ops.quote_name(model._meta.db_table)
    quoted = ", ".join(map(connection.ops.quote_name, names))
    source = f"SELECT {', '.join(values)} FROM generate_series(1, {number}) AS i"
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({quoted}) {source}", parameters)
        if "id" in columns:
            last = f"SELECT max(id) FROM {table}"
            cursor.execute(f"SELECT setval(pg_get_serial_sequence(%s, 'id'), ({last}))", [model._meta.db_table])


def _default(field: Any) -> Any:
    if getattr(field, "auto_now_add", False) or getattr(field, "auto_now", False):
        return timezone.now()
    return field.get_db_prep_save(field.get_default(), connection=connection)
