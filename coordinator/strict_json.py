"""Reads JSON as the agent protocol wants it: one meaning a text, or an error."""

from __future__ import annotations

import json
import math
from typing import IO, Any, Final, NoReturn

from rest_framework.parsers import BaseParser

from mesh.errors import ValidationError

MAX_LEVELS: Final = 32
MAX_INTEGER_DIGITS: Final = 15


def parse_strict(body: bytes) -> Any:
    """The value of a JSON text in UTF-8.

    Raises ValidationError for what is no JSON, for duplicate members, NUL characters, lone surrogates, NaN, infinities
    and numbers that would become one, integers of more than 15 digits, and more than 32 levels.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValidationError("The body is not UTF-8.") from error
    _check_levels(text)
    try:
        value = json.loads(
            text, object_pairs_hook=_members, parse_constant=_no_constant, parse_int=_integer, parse_float=_number
        )
    except json.JSONDecodeError as error:
        raise ValidationError(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from error
    _check_text(value)
    return value


class StrictJSONParser(BaseParser):
    """DRF's way to ``parse_strict``."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        return parse_strict(stream.read())


def _check_levels(text: str) -> None:
    """Counts brackets outside strings before the recursive parser meets them."""
    level = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            level += 1
            if level > MAX_LEVELS:
                raise ValidationError(f"The body has more than {MAX_LEVELS} levels.")
        elif character in "]}":
            level -= 1


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise ValidationError(f"The member {key[:64]!r} stands twice.")
        members[key] = value
    return members


def _no_constant(text: str) -> NoReturn:
    raise ValidationError(f"{text} is not JSON.")


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_INTEGER_DIGITS:
        raise ValidationError(f"An integer has more than {MAX_INTEGER_DIGITS} digits.")
    return int(digits)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValidationError("A number is too large.")
    return number


def _check_text(value: Any) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise ValidationError("A text holds a NUL character.")
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise ValidationError("A text holds half a surrogate pair.")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_text(key)
            _check_text(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_text(inner)
