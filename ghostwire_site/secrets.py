"""Secrets that live beside the database and never in it: ``secrets/`` in the data directory.

``django-secret-key``
    signs the portal's cookies; one key a line, newest first, older ones are still accepted.
``token-peppers``
    key the digests under which tokens are stored; ``ID BASE64`` a line, newest first. New tokens use the newest;
    a token's row names the pepper it was made with, so older ones stay for as long as such tokens live.
``challenge-secret``
    authenticates challenges, which are not stored anywhere.

Each is made once, at the first start, with mode 0600 in a folder of mode 0700. Workers on several machines need the
same files: a database restored without them holds no usable token.
"""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TypeVar

FOLDER = "secrets"
_SIZE = 32
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Pepper:
    """One key of token digests: its id, which stands beside each digest, and its 32 bytes."""

    id: str
    value: bytes

    def __repr__(self) -> str:
        return f"Pepper(id={self.id!r})"


@dataclass(frozen=True, slots=True)
class Secrets:
    """All secrets of one portal, newest first where there are several."""

    django_keys: tuple[str, ...]
    peppers: tuple[Pepper, ...]
    challenge: bytes

    def __repr__(self) -> str:
        return "Secrets(...)"


class SecretsError(Exception):
    """The secrets cannot be read or made; says which file, and never what is in it."""


def load_secrets(data_dir: Path) -> Secrets:
    """Read the secrets in ``data_dir``; those that are not there are made, safely beside other starting processes.

    Raises:
        SecretsError: the folder cannot be used, or a file does not hold what it should.
    """
    folder = data_dir / FOLDER
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        return Secrets(
            django_keys=_read(folder / "django-secret-key", _new_django_key, _parse_django_keys),
            peppers=_read(folder / "token-peppers", lambda: _pepper_line(1), _parse_peppers),
            challenge=_read(folder / "challenge-secret", _new_value, _decode),
        )
    except OSError as error:
        raise SecretsError(f"{error.filename}: {error.strerror}") from error


def rotate_peppers(data_dir: Path) -> tuple[Pepper, ...]:
    """Put a new pepper in front of the others and give them all; running processes take it up when they restart.

    Raises:
        SecretsError: as ``load_secrets``.
    """
    peppers = load_secrets(data_dir).peppers
    path = data_dir / FOLDER / "token-peppers"
    old = path.read_text(encoding="ascii").splitlines()
    lines = [_pepper_line(max(int(pepper.id) for pepper in peppers) + 1), *old]
    _written(path, "\n".join(lines)).replace(path)
    return load_secrets(data_dir).peppers


def _read(path: Path, make: Callable[[], str], parse: Callable[[str], Value]) -> Value:
    if not path.exists():
        _create(path, make())
    try:
        return parse(path.read_text(encoding="ascii"))
    except (ValueError, IndexError) as error:
        raise SecretsError(f"{path}: is damaged; restore it from a backup") from error


def _create(path: Path, content: str) -> None:
    """Bring ``path`` into being with all its content at once; where another process was faster, its file stays."""
    temporary = _written(path, content)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        temporary.unlink()


def _written(path: Path, content: str) -> Path:
    """Write ``content`` to a new file of mode 0600 beside ``path``, through to the disk."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="ascii") as file:
        file.write(content + "\n")
        file.flush()
        os.fsync(file.fileno())
    return Path(file.name)


def _new_value() -> str:
    return base64.b64encode(secrets.token_bytes(_SIZE)).decode("ascii")


def _new_django_key() -> str:
    return secrets.token_urlsafe(64)


def _pepper_line(number: int) -> str:
    return f"{number} {_new_value()}"


def _decode(text: str) -> bytes:
    value = base64.b64decode(text.strip(), validate=True)
    if len(value) != _SIZE:
        raise ValueError("wrong length")
    return value


def _parse_django_keys(text: str) -> tuple[str, ...]:
    keys = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not keys or min(map(len, keys)) < 50:
        raise ValueError("too short")
    return keys


def _parse_peppers(text: str) -> tuple[Pepper, ...]:
    rows = [line.split() for line in text.splitlines() if line.strip()]
    peppers = tuple(Pepper(id=str(int(number)), value=_decode(value)) for number, value in rows)
    if not peppers or len({pepper.id for pepper in peppers}) != len(peppers):
        raise ValueError("no pepper, or one id twice")
    return peppers
