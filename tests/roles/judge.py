"""What an answer amounts to, and what a call wrote."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import connection, transaction

from tests.fixtures import forget_memory

_WRITE: Final = re.compile(r'\s*(INSERT(?: OR IGNORE)? INTO|UPDATE|DELETE FROM)\s+"(\w+)"')
# That somebody was here, or was refused, is noted whoever it is.
_NOTE: Final = re.compile(
    r'\s*(INSERT(?: OR IGNORE)? INTO|UPDATE) "sessions_app_auditentry"'
    r'|\s*(INSERT INTO|UPDATE) "sessions_app_portalsession"'
    r'|\s*UPDATE "sessions_app_apitoken" SET "last_used_at"'
)


class Writes:
    """Watches a connection for statements that change something, other than notes about who called."""

    def __init__(self) -> None:
        self.tables: list[str] = []

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        found = _WRITE.match(sql)
        if found is None or _NOTE.match(sql) is not None:
            return result
        # An insert that returns its row has none to count before it is read.
        if found[1].startswith("INSERT") or context["cursor"].rowcount != 0:
            self.tables.append(found[2])
        return result


@contextmanager
def scratch() -> Iterator[Writes]:
    """Whatever happens inside has never happened: what one caller did must not decide about the next one."""
    writes = Writes()
    with transaction.atomic():
        with connection.execute_wrapper(writes):
            yield writes
        transaction.set_rollback(True)
    if writes.tables:
        forget_memory()


def verdict(response: Any) -> str:
    """``ok``, ``login`` (sent there), or the status."""
    if 300 <= response.status_code < 400:
        return "login" if response["Location"].split("?")[0] in ("/login/", "/admin/login/") else "ok"
    return "ok" if response.status_code < 300 else str(response.status_code)
