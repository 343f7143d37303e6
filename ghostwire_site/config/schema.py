"""What the models say about the keys: their paths and whether they hold a word, words, or structures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

Key = tuple[str, ...]


class KeyKind(Enum):
    """How an environment variable spells the value of a key."""

    SCALAR = "one value"
    WORDS = "values separated by commas"
    STRUCTURE = "JSON"


def walk(sections: Mapping[str, type[BaseModel]]) -> Iterator[tuple[Key, FieldInfo]]:
    """Give the path and the field of every key, in the order of the models; nested sections are gone into."""
    for name, model in sections.items():
        for key, field in model.model_fields.items():
            nested = field.annotation
            if isinstance(nested, type) and issubclass(nested, BaseModel):
                yield from (((name, *path), inner) for path, inner in walk({key: nested}))
            else:
                yield (name, key), field


def key_kinds(sections: Mapping[str, type[BaseModel]]) -> dict[Key, KeyKind]:
    """Map every key's path to its kind."""
    return {path: _kind(field) for path, field in walk(sections)}


def _kind(field: FieldInfo) -> KeyKind:
    origin = get_origin(field.annotation)
    if origin is dict:
        return KeyKind.STRUCTURE
    if origin is tuple:
        item = get_args(field.annotation)[0]
        return KeyKind.STRUCTURE if isinstance(item, type) and issubclass(item, BaseModel) else KeyKind.WORDS
    return KeyKind.SCALAR


def keys_around(sections: Mapping[str, type[BaseModel]], path: tuple[str | int, ...]) -> list[str]:
    """List the keys that may stand where ``path`` ends, for suggestions; empty where anything may."""
    if len(path) == 1:
        return list(sections)
    model: type[BaseModel] | None = sections.get(str(path[0]))
    for part in path[1:-1]:
        if model is None:
            return []
        if isinstance(part, str):
            field = model.model_fields.get(part)
            model = _model_within(field.annotation) if field else None
    return list(model.model_fields) if model else []


def _model_within(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = _model_within(argument)
        if found is not None:
            return found
    return None
