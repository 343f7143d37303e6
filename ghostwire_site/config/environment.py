"""Keys given as environment variables: ``GHOSTWIRE_SECTION__KEY`` wins over the file.

``GHOSTWIRE_NETWORK__DNS__MAGIC_DNS=false`` goes one level deeper. Text is taken as it stands; lists are separated by
commas or written as JSON; ``null`` means no value. Names are matched without regard to case.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ghostwire_site.config.model import SECTIONS
from ghostwire_site.config.problems import ConfigError, Problem, did_you_mean, dotted
from ghostwire_site.config.schema import KeyKind, key_kinds

PREFIX = "GHOSTWIRE_"
SEPARATOR = "__"


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the environment says: the value of each key's path, and the variable it came from."""

    values: dict[tuple[str, ...], Any] = field(default_factory=dict)
    variables: dict[tuple[str, ...], str] = field(default_factory=dict)


def read_overrides(environ: Mapping[str, str]) -> Overrides:
    """Collect all overrides from ``environ``.

    Raises:
        ConfigError: a variable names no key, or its JSON cannot be read.
    """
    kinds = key_kinds(SECTIONS)
    overrides = Overrides()
    problems = []
    for variable in sorted(environ):
        if not variable.upper().startswith(PREFIX) or SEPARATOR not in variable:
            continue
        path = tuple(variable[len(PREFIX) :].lower().split(SEPARATOR))
        if path not in kinds:
            problems.append(Problem(variable, dotted(path), f"there is no such key{_suggest(path, kinds)}"))
            continue
        try:
            overrides.values[path] = _read(environ[variable], kinds[path])
        except ValueError as error:
            problems.append(Problem(variable, dotted(path), str(error)))
        overrides.variables[path] = variable
    if problems:
        raise ConfigError(tuple(problems))
    return overrides


def variable_of(path: tuple[str, ...]) -> str:
    """Name the variable that overrides the key at ``path``."""
    return PREFIX + SEPARATOR.join(path).upper()


def _suggest(path: tuple[str, ...], kinds: Mapping[tuple[str, ...], KeyKind]) -> str:
    return (
        did_you_mean(variable_of(path).lower(), [variable_of(known).lower() for known in kinds])
        .upper()
        .replace("; DID YOU MEAN", "; did you mean")
    )


def _read(text: str, kind: KeyKind) -> Any:
    if text.strip().lower() == "null":
        return None
    if kind is KeyKind.SCALAR:
        return text
    if kind is KeyKind.WORDS and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not valid JSON: {error.msg} at character {error.pos + 1}") from error
