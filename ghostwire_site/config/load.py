"""Puts the configuration together: defaults, then the file, then the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ghostwire_site.config.addresses import default_public_urls
from ghostwire_site.config.document import Document, read_document
from ghostwire_site.config.environment import Overrides, read_overrides
from ghostwire_site.config.model import (
    HOME,
    SECTIONS,
    Auth,
    Database,
    Limits,
    Logging,
    Metrics,
    Network,
    Redis,
    Retention,
    Server,
)
from ghostwire_site.config.problems import ConfigError, Problem, did_you_mean, dotted
from ghostwire_site.config.rules import contradictions
from ghostwire_site.config.schema import keys_around, walk

FILE_VARIABLE = "GHOSTWIRE_CONFIG"
FILE_NAME = "ghostwire.yaml"
SECRET_KEYS = frozenset({"url", "token"})
"""Last words of keys whose value is, or may hold, a secret: never in a message."""


class Config(BaseSettings):
    """The whole configuration of one portal: frozen, complete, checked."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    server: Server = Server()
    network: Network = Network()
    auth: Auth = Auth()
    database: Database = Database()
    redis: Redis = Redis()
    logging: Logging = Logging()
    limits: Limits = Limits()
    metrics: Metrics = Metrics()
    retention: Retention = Retention()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the file and the environment through this module's own source alone: it knows lines and variables."""
        return (init_settings,)

    @property
    def public_urls(self) -> tuple[str, ...]:
        """The origins of this server, the one to hand out first: as configured, else derived from this machine."""
        return self.server.public_urls or default_public_urls(self.server.listen_addr)

    @property
    def https(self) -> bool:
        """Whether every public URL is https, so that cookies may be Secure."""
        return all(url.startswith("https://") for url in self.public_urls)

    @property
    def sqlite_path(self) -> Path:
        """Where the SQLite file is, or would be."""
        return self.database.path or self.server.data_dir / "db.sqlite"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration and where each key's value came from."""

    config: Config
    document: Document
    overrides: Overrides
    notes: tuple[Problem, ...]
    """Not wrong, but probably not meant."""

    def origin(self, path: tuple[str, ...]) -> str:
        """Say where the value of the key at ``path`` came from: a variable, a line, or the default."""
        if path in self.overrides.variables:
            return self.overrides.variables[path]
        line = self.document.lines.get(path)
        return f"{self.document.name}, line {line}" if line else "default"


class _Prepared(PydanticBaseSettingsSource):
    """Hands pydantic-settings the values that the file and the environment gave together."""

    def __init__(self, settings_cls: type[BaseSettings], values: dict[str, Any]) -> None:
        super().__init__(settings_cls)
        self.values = values

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self.values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self.values


def find_file(environ: Mapping[str, str]) -> Path | None:
    """Find the configuration file: what GHOSTWIRE_CONFIG names, else ghostwire.yaml beside manage.py."""
    named = environ.get(FILE_VARIABLE)
    if named:
        return Path(named).expanduser()
    beside = HOME / FILE_NAME
    return beside if beside.exists() else None


def load(environ: Mapping[str, str] | None = None) -> Loaded:
    """Load the configuration that ``environ`` (default: the process's) asks for.

    Raises:
        ConfigError: with every problem found, each naming its line or variable and its key.
    """
    environ = os.environ if environ is None else environ
    path = find_file(environ)
    return build(read_document(path) if path else Document(name="(no file)"), read_overrides(environ))


def build(document: Document, overrides: Overrides) -> Loaded:
    """Check what the file and the environment say together.

    Raises:
        ConfigError: as ``load``.
    """
    values = _merge(document.data, overrides)
    try:
        config = Config(**values)
    except ValidationError as error:
        found = (_problem(details, document, overrides) for details in error.errors())
        raise ConfigError(tuple(sorted(found, key=_line))) from None
    given = {path for path, _ in walk(SECTIONS) if path in document.lines or path in overrides.variables}
    faults, notes = contradictions(config, given)
    where = [
        tuple(Problem(_where(path, document, overrides), dotted(path), message) for path, message in group)
        for group in (faults, notes)
    ]
    if where[0]:
        raise ConfigError(where[0])
    return Loaded(config=config, document=document, overrides=overrides, notes=where[1])


def _merge(data: dict[str, Any], overrides: Overrides) -> dict[str, Any]:
    merged = {section: dict(keys) if isinstance(keys, dict) else keys for section, keys in data.items()}
    for path, value in overrides.values.items():
        target = merged
        for part in path[:-1]:
            inner = target.get(part)
            inner = dict(inner) if isinstance(inner, dict) else {}
            target[part] = inner
            target = inner
        target[path[-1]] = value
    # An empty section ("redis:" with all its keys commented out) is an empty mapping, not null.
    return {section: {} if keys is None and section in SECTIONS else keys for section, keys in merged.items()}


def _where(path: tuple[str | int, ...], document: Document, overrides: Overrides) -> str:
    for length in range(len(path), 0, -1):
        variable = overrides.variables.get(path[:length])  # type: ignore[arg-type]
        if variable:
            return variable
    return document.where(path)


def _problem(details: ErrorDetails, document: Document, overrides: Overrides) -> Problem:
    path = _real_path(details["loc"], document, overrides)
    match details["type"]:
        case "extra_forbidden":
            message = f"there is no such key{did_you_mean(str(path[-1]), keys_around(SECTIONS, path))}"
        case "missing":
            message = "is missing"
        case "value_error":
            message = str(details["ctx"]["error"])
        case _:
            message = details["msg"].removeprefix("Input ")
            if path[-1] not in SECRET_KEYS:
                message += f" (it is {details['input']!r})"
    return Problem(_where(path, document, overrides), dotted(path), message)


def _line(problem: Problem) -> int:
    """Sort by place in the file; variables come last."""
    return int(problem.where.rpartition(" line ")[2] or 0) if " line " in problem.where else 1 << 30


def _real_path(loc: tuple[str | int, ...], document: Document, overrides: Overrides) -> tuple[str | int, ...]:
    """Drop what pydantic adds to a location: the members of a union, the word for a mapping's key."""
    known = [*document.lines, *(path for path, _ in walk(SECTIONS))]
    path: tuple[str | int, ...] = ()
    for position, part in enumerate(loc):
        longer = (*path, part)
        is_last_word = position == len(loc) - 1 and not isinstance(part, int)
        if any(candidate[: len(longer)] == longer for candidate in known) or (is_last_word and _is_key(longer)):
            path = longer
    return path or loc


def _is_key(path: tuple[str | int, ...]) -> bool:
    return str(path[-1]) in keys_around(SECTIONS, path)
