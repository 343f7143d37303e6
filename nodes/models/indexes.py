from __future__ import annotations

from typing import Any

from django.db import models


class TimeIndex(models.Index):
    """An index on the instant of rows that are written in its order: BRIN on PostgreSQL, which is a few pages for
    millions of rows; elsewhere a plain one."""

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **kwargs: Any) -> Any:
        """The statement that makes it."""
        if schema_editor.connection.vendor == "postgresql":
            using = " USING brin"
        return super().create_sql(model, schema_editor, using=using, **kwargs)
