"""Auth keys and API keys as commands show them. Their secrets are shown once, by the verb that makes them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from coordinator.cli.results import Column, Value, Word
from coordinator.cli.text import listed
from coordinator.cli.times import relative
from sessions_app.models import ApiToken, AuthKey

STATUS: Final = {
    "usable": Word("usable", "green", "●"),
    "used_up": Word("used up", "bright_black", "○"),
    "expired": Word("expired", "red", "◇"),
    "revoked": Word("revoked", "bright_black", "⊘"),
    "owner_disabled": Word("disabled", "bright_black", "⊘"),
}


def auth_key_value(key: AuthKey, now: datetime) -> dict[str, Any]:
    """An auth key (with owner and network) for programs."""
    return {
        "id": key.pk,
        "name": key.name,
        "hint": key.hint,
        "network": key.network.name,
        "status": _auth_key_status(key, now),
        "owner": None if key.owner is None else key.owner.username,
        "tags": list(key.tags),
        "reusable": key.max_uses != 1,
        "max_uses": key.max_uses,
        "uses": key.uses,
        "ephemeral": key.ephemeral,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
    }


def _auth_key_status(key: AuthKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is not None and key.expires_at <= now:
        return "expired"
    if key.max_uses is not None and key.uses >= key.max_uses:
        return "used_up"
    return "owner_disabled" if key.owner is not None and not key.owner.is_active else "usable"


def auth_key_columns(now: datetime) -> list[Column]:
    """The columns of ``authkey list``."""
    return [
        Column("Id", lambda value: str(value["id"]), keep=True, right=True),
        Column("Key", lambda value: f"{value['hint']}…", keep=True),
        Column("Name", lambda value: value["name"] or "-"),
        Column("Status", lambda value: STATUS[value["status"]], keep=True),
        Column("For", lambda value: listed(value["tags"], most=3) if value["tags"] else value["owner"] or "-"),
        Column("Uses", _uses, keep=True, right=True),
        Column("Ephemeral", lambda value: "yes" if value["ephemeral"] else "no", wide=True),
        Column("Created", lambda value: relative(value["created_at"], now), wide=True, keep=True),
        Column("Ends", lambda value: _end(value, now), keep=True),
    ]


def _uses(value: Value) -> str:
    return f"{value['uses']}/{'∞' if value['max_uses'] is None else value['max_uses']}"


def api_token_value(token: ApiToken, now: datetime) -> dict[str, Any]:
    """An API token (with its user) for programs."""
    ended = token.expires_at is not None and token.expires_at <= now
    status = "revoked" if token.revoked_at else "expired" if ended else "usable"
    return {
        "id": token.pk,
        "name": token.name,
        "hint": token.hint,
        "status": status if token.user.is_active or status != "usable" else "owner_disabled",
        "user": token.user.username,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "created_at": token.created_at,
        "last_used_at": token.last_used_at,
    }


def api_token_columns(now: datetime) -> list[Column]:
    """The columns of ``apikey list``."""
    return [
        Column("Id", lambda value: str(value["id"]), keep=True, right=True),
        Column("Key", lambda value: f"{value['hint']}…", keep=True),
        Column("Name", lambda value: value["name"]),
        Column("Status", lambda value: STATUS[value["status"]], keep=True),
        Column("User", lambda value: value["user"]),
        Column("Used", lambda value: relative(value["last_used_at"], now) if value["last_used_at"] else "never"),
        Column("Created", lambda value: relative(value["created_at"], now), wide=True, keep=True),
        Column("Ends", lambda value: _end(value, now), keep=True),
    ]


def _end(value: Value, now: datetime) -> str:
    return "never" if value["expires_at"] is None else relative(value["expires_at"], now)
