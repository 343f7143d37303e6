"""Reads a YAML file and remembers on which line each key stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ghostwire_site.config.problems import ConfigError, Problem, dotted

Path_ = tuple[str | int, ...]
_MAX_DEPTH = 16


@dataclass(frozen=True, slots=True)
class Document:
    """The content of one file: nested dicts and lists, and the line of each path in it (the first line is 1)."""

    name: str
    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[Path_, int] = field(default_factory=dict)

    def where(self, path: Path_) -> str:
        """Say where ``path`` stands, or the nearest thing around it that the file does hold."""
        for length in range(len(path), 0, -1):
            line = self.lines.get(path[:length])
            if line is not None:
                return f"{self.name}, line {line}"
        return self.name


def read_document(path: Path) -> Document:
    """Read the file at ``path``.

    Raises:
        ConfigError: it cannot be read, is not YAML, or names one key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError((Problem(str(path), "", f"cannot be read: {error.strerror}"),)) from error
    except UnicodeDecodeError as error:
        raise ConfigError((Problem(str(path), "", "is not UTF-8 text"),)) from error
    return parse_document(text, name=path.name)


def parse_document(text: str, *, name: str) -> Document:
    """Parse YAML text; ``name`` is what messages call it.

    Raises:
        ConfigError: it is not YAML, its top level is not a mapping, or it names one key twice.
    """
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        reader = _Reader(name=name, loader=loader)
        data = reader.build(root, ()) if root is not None else {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}, line {mark.line + 1}" if mark else name
        raise ConfigError((Problem(where, "", f"is not valid YAML: {error.problem or error.context}"),)) from error
    except yaml.YAMLError as error:
        raise ConfigError((Problem(name, "", f"is not valid YAML: {error}"),)) from error
    finally:
        loader.dispose()
    if data is None:
        data = {}
    if not isinstance(data, dict):
        reader.problems.append(Problem(f"{name}, line 1", "", "must hold sections such as 'server:' and 'network:'"))
    if reader.problems:
        raise ConfigError(tuple(reader.problems))
    return Document(name=name, data=data, lines=reader.lines)


class _Reader:
    """Turns YAML nodes into plain values while noting the line of each path."""

    def __init__(self, *, name: str, loader: yaml.SafeLoader) -> None:
        self.name = name
        self.loader = loader
        self.lines: dict[Path_, int] = {}
        self.problems: list[Problem] = []

    def build(self, node: yaml.Node, path: Path_) -> Any:
        if len(path) > _MAX_DEPTH:
            raise yaml.YAMLError("nested too deeply")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            items = []
            for index, item in enumerate(node.value):
                self.lines[(*path, index)] = item.start_mark.line + 1
                items.append(self.build(item, (*path, index)))
            return items
        return self.loader.construct_object(node)

    def _mapping(self, node: yaml.MappingNode, path: Path_) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None:
                self.problems.append(Problem(f"{self.name}, line {line}", dotted(path), "a key must be a word"))
                continue
            if key in values:
                first = self.lines[(*path, key)]
                message = f"stands twice in this section (first on line {first})"
                self.problems.append(Problem(f"{self.name}, line {line}", dotted((*path, key)), message))
                continue
            self.lines[(*path, key)] = line
            values[key] = self.build(value_node, (*path, key))
        return values
