"""What an answer amounts to, and what a call wrote."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import connection, transaction

from tests.fixtures import forget_memory

# By whoever wrote the statement, Django or a hand; ``SELECT ... FOR UPDATE`` and ``DO UPDATE SET`` name no table.
_WRITE: Final = re.compile(
    r"\b(INSERT(?: OR \w+)? INTO|REPLACE INTO|(?<!FOR )(?<!KEY )(?<!DO )UPDATE|DELETE FROM|MERGE INTO|TRUNCATE)"
    r'\s+"?(\w+)',
    re.IGNORECASE,
)
_CAN_WRITE: Final = re.compile(r"\s*(INSERT|REPLACE|UPDATE|DELETE|MERGE|TRUNCATE|WITH)\b", re.IGNORECASE)
# That somebody was here, or was refused, is noted whoever it is.
_SEEN: Final = re.compile(r'\s*UPDATE "sessions_app_(portalsession" SET "seen_at"|apitoken" SET "last_used_at")')
_COUNTED: Final = re.compile(r'\s*UPDATE "sessions_app_auditentry" SET "(count|last_at)"')
_ENTRY: Final = re.compile(r'\s*INSERT(?: OR IGNORE)? INTO "sessions_app_auditentry"')
_NOTES: Final = frozenset({"denied", "login_failed", "token_refused", "token_used"})


class Writes:
    """Watches a connection for statements that change something, other than notes about who called."""

    def __init__(self) -> None:
        self.tables: list[str] = []

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        start = _CAN_WRITE.match(sql)
        if start is None or _is_note(sql, params):
            return result
        # An insert that returns its row has none to count before it is read.
        if start[1].upper() in ("INSERT", "REPLACE") or context["cursor"].rowcount != 0:
            self.tables += [found[2] for found in _WRITE.finditer(sql)]
        return result


def _is_note(sql: str, params: Any) -> bool:
    if _ENTRY.match(sql) is not None:
        given = [item for value in params or () for item in (value if isinstance(value, list | tuple) else (value,))]
        return any(item in _NOTES for item in given if isinstance(item, str))
    return _SEEN.match(sql) is not None or _COUNTED.match(sql) is not None


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
    """``ok``, ``login`` (sent there), ``moved`` (who only looked was sent elsewhere), or the status."""
    if 300 <= response.status_code < 400:
        if response["Location"].split("?")[0] in ("/login/", "/admin/login/"):
            return "login"
        return "moved" if response.wsgi_request.method == "GET" else "ok"
    return "ok" if response.status_code < 300 else str(response.status_code)
