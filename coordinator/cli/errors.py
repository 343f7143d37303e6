"""What a person reads when a command fails: one clear line, and the members at fault below it where there are more."""

from __future__ import annotations

from django.db import DatabaseError, Error, InterfaceError, OperationalError, ProgrammingError, connection
from redis.exceptions import RedisError

from mesh.errors import FieldError, GhostWireError, ValidationError

FORESEEN = (GhostWireError, Error, RedisError)
"""Errors with words for people. Any other is a fault of the program, and its trace is shown."""


class WrongUsageError(Exception):
    """The words of a command do not go together."""


def explain(error: Exception) -> str:
    """The words for one of ``FORESEEN``."""
    if isinstance(error, ValidationError) and error.errors:
        return _with_fields(error.detail, error.errors)
    if isinstance(error, GhostWireError):
        return error.detail
    if isinstance(error, RedisError):
        return f"Redis does not answer: {_first_line(error)}"
    return _database(error)


def _with_fields(detail: str, errors: tuple[FieldError, ...]) -> str:
    if len(errors) == 1:
        [fault] = errors
        return detail if fault.field in detail and fault.message in detail else f"{fault.field}: {fault.message}"
    # A service may say the first fault as a whole: then the list says it again, with its member.
    head = "This is refused." if any(fault.message in detail for fault in errors) else detail
    return "\n".join([head, *(f"  {fault.field}: {fault.message}" for fault in errors)])


def _database(error: Exception) -> str:
    words = _first_line(error)
    missing = "no such table" in words or ("relation" in words and "does not exist" in words)
    if isinstance(error, OperationalError | ProgrammingError) and missing:
        return "The database has no tables yet, or not all of them: run manage.py migrate, or start the server once."
    if "locked" in words:
        return "The database is busy: another process holds it. Nothing was changed; try again."
    if isinstance(error, OperationalError | InterfaceError):
        return f"The database ({_where()}) does not answer: {words}"
    if isinstance(error, DatabaseError):
        return f"The database refuses this: {words}"
    return words


def _where() -> str:
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return str(settings["NAME"])
    host = settings["HOST"] or "localhost"
    return f"{settings['NAME']} on {host}{':' + str(settings['PORT']) if settings['PORT'] else ''}"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
