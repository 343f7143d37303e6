"""Results for programs: JSON, one JSON a line, YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import yaml

from coordinator.cli.results import Listing, Result
from coordinator.cli.times import rfc3339


class Format(StrEnum):
    """How a result is written."""

    TABLE = "table"
    JSON = "json"
    JSON_LINE = "json-line"
    YAML = "yaml"


# JSON leaves these as they are; some terminals obey them. They only ever stand within strings.
_ODD: Final = re.compile("[\x7f-\x9f\u2028\u2029]")


def render(result: Result, form: Format) -> str:
    """A result as text that ends with a line's end. A list is one array, or one object a line."""
    values = result.values if isinstance(result, Listing) else [result.value]
    items = [plain(result.shape(item)) for item in values]
    value = items if isinstance(result, Listing) else items[0]
    match form:
        case Format.JSON:
            return _json(value, indent=2) + "\n"
        case Format.JSON_LINE:
            return "".join(_json(item) + "\n" for item in items)
        case Format.YAML:
            return yaml.safe_dump(value, allow_unicode=True, sort_keys=False)
        case Format.TABLE:
            raise ValueError("A table is for people: coordinator.cli.tables writes it.")


def plain(value: Any) -> Any:
    """``value`` in what JSON and YAML both know; instants become RFC 3339 in UTC."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return str(value)  # an enumeration's member is written as its text
    return value


def _json(value: Any, *, indent: int | None = None) -> str:
    separators = None if indent else (",", ":")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    return _ODD.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
