"""Writes the configuration: what is in force, and the complete commented example."""

from __future__ import annotations

import json
import re
import textwrap
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ghostwire_site.config.environment import variable_of
from ghostwire_site.config.load import FILE_VARIABLE, SECRET_KEYS, Loaded
from ghostwire_site.config.model import SECTIONS
from ghostwire_site.config.schema import Key, walk

_WIDTH = 110
_PASSWORD = re.compile(r"(://[^/@:]*:)[^/@]*(@)")
_PASSWORD_PARAMETER = re.compile(r"([?&][^=&]*password=)[^&]*", re.IGNORECASE)


def show(loaded: Loaded) -> str:
    """Print every key with its value in force and its origin, as YAML with comments; passwords are masked."""
    values = loaded.config.model_dump(mode="json")
    lines = []
    headings: Key = ()
    for path, _ in walk(SECTIONS):
        lines += _headings(path, headings)
        headings = path
        value = _masked(path, _value_at(values, path))
        lines.append(f"{_indent(path)}{path[-1]}: {_spell(value)}  # {loaded.origin(path)}")
    if not loaded.config.server.public_urls:
        at = next(index for index, line in enumerate(lines) if line.startswith("  public_urls:"))
        lines[at] = f"  public_urls: {_spell(list(loaded.config.public_urls))}  # derived from listen_addr"
    return "\n".join(lines) + "\n"


def example() -> str:
    """Print a complete ``ghostwire.yaml``: every key with its meaning and default; it passes ``config check``."""
    values = {name: model().model_dump(mode="json") for name, model in SECTIONS.items()}
    lines = [
        "# The configuration of a GhostWire server. Every key may be left out: what stands here is its default.",
        f"# {FILE_VARIABLE} names another file. Each key can also be given as an environment variable, which wins:",
        f"# {variable_of(('server', 'listen_addr'))}=127.0.0.1:8080. Durations: 250ms, 30s, 5m, 24h, 7d.",
        "# Sizes: 64MB, 256MiB. Relative paths count from the folder of manage.py.",
    ]
    headings: Key = ()
    for path, field in walk(SECTIONS):
        lines += _headings(path, headings, comment=True)
        headings = path
        indent = _indent(path)
        lines += [f"{indent}# {line}" for line in textwrap.wrap(field.description or "", _WIDTH - len(indent))]
        lines += [
            f"{indent}# For example: {path[-1]}: {_spell(instance)}" for instance in field.examples or _inner(field)
        ]
        value = _value_at(values, path)
        absent = value is None or path in (("server", "data_dir"), ("server", "public_urls"))
        lines.append(f"{indent}{'# ' if absent else ''}{path[-1]}: {_spell(_default(path, value))}")
    return "\n".join(lines) + "\n"


def _inner(field: FieldInfo) -> list[Any]:
    return [instance for part in field.metadata for instance in getattr(part, "examples", None) or []]


def _default(path: Key, value: Any) -> Any:
    return "var" if path == ("server", "data_dir") else value


def _headings(path: Key, before: Key, *, comment: bool = False) -> list[str]:
    lines = []
    for depth in range(1, len(path)):
        if path[:depth] == before[:depth]:
            continue
        indent = "  " * (depth - 1)
        lines += [""] if comment or (depth == 1 and before) else []
        if comment and depth == 1:
            lines += [f"# {(SECTIONS[path[0]].__doc__ or '').splitlines()[0]}"]
        lines.append(f"{indent}{path[depth - 1]}:")
    return lines


def _indent(path: Key) -> str:
    return "  " * (len(path) - 1)


def _value_at(values: dict[str, Any], path: Key) -> Any:
    value: Any = values
    for part in path:
        value = value[part]
    return None if value is PydanticUndefined else value


def _masked(path: Key, value: Any) -> Any:
    if path[-1] not in SECRET_KEYS or not isinstance(value, str):
        return value
    if path[-1] == "token":
        return "********"
    return _PASSWORD_PARAMETER.sub(r"\1********", _PASSWORD.sub(r"\1********\2", value))


def _spell(value: Any) -> str:
    """Spell a value on one line. JSON is YAML, and leaves no doubt about what is text."""
    return json.dumps(value, ensure_ascii=False)
