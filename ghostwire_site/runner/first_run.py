"""What a new installation needs before anybody can use it: a network, an owner, and a key for the first machines."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.db import transaction

from coordinator.networks import ensure_network
from ghostwire_site.config import Config
from mesh.change import Cause
from sessions_app.models import AuthKey, User
from sessions_app.services.auth_keys import create_auth_key
from sessions_app.services.users import create_user

LOGIN: Final = "admin"
PASSWORD_FILE: Final = "admin-password"  # noqa: S105 - the name of a file
KEY_LIFETIME: Final = timedelta(hours=24)
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # without what is mistaken for another
_GROUPS: Final = 4
_GROUP_LENGTH: Final = 5


@dataclass(frozen=True, slots=True)
class Welcome:
    """What the person at the terminal is told. Secrets are there at the first start alone."""

    password: str | None
    password_file: Path | None
    auth_key: str | None


def prepare(*, config: Config, now: datetime) -> Welcome:
    """Bring the network in line with the configuration; at the first start, make the owner and the first auth key.

    Interrupted anywhere and started again, it goes on where it was.
    """
    network = ensure_network(config=config, now=now, random5=secrets.token_bytes(5))
    path = config.server.data_dir / PASSWORD_FILE
    if User.objects.filter(role=User.Role.OWNER).exists():
        return Welcome(password=None, password_file=_still_valid(path), auth_key=None)
    # The password is on disk before there is a user with it: a start that is cut off here locks nobody out.
    password = path.read_text(encoding="ascii").strip() if path.exists() else _write_password(path)
    cause = Cause.system("first-run")
    with transaction.atomic():
        owner = create_user(login=LOGIN, password=password, role=User.Role.OWNER, cause=cause, now=now)
        auth_key = _first_auth_key(network.pk, owner, now)
    return Welcome(password=password, password_file=path, auth_key=auth_key)


def _first_auth_key(network_id: int, owner: User, now: datetime) -> str | None:
    """Make a key that lets several machines in for a day; the machines belong to the owner and reach each other."""
    if AuthKey.objects.exists():
        return None
    created = create_auth_key(
        network_id=network_id,
        owner_id=owner.pk,
        created_by_id=owner.pk,
        name="first machines",
        reusable=True,
        expires_at=now + KEY_LIFETIME,
        now=now,
        random32=secrets.token_bytes(32),
        cause=Cause.system("first-run"),
    )
    return created.secret


def _write_password(path: Path) -> str:
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))
    password = "-".join(groups)
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(password + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    return password


def _still_valid(path: Path) -> Path | None:
    """Give the password file while it opens a door; once the password is another, the file goes."""
    if not path.exists():
        return None
    admin = User.objects.filter(username=LOGIN).first()
    if admin is not None and admin.check_password(path.read_text(encoding="ascii").strip()):
        return path
    path.unlink()
    return None
