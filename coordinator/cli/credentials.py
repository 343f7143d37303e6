"""Auth keys and API keys as commands show them. Their secrets are shown once, by the verb that makes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from rest_framework import serializers

from coordinator.admin_api.serializers.api_tokens import ApiTokenOut
from coordinator.admin_api.serializers.auth_keys import AuthKeyOut, describe_auth_key
from coordinator.cli.results import Column, Word, shaped_by
from coordinator.cli.text import listed
from coordinator.cli.times import relative
from sessions_app.models import ApiToken, AuthKey

Value = Mapping[str, Any]

STATES: Final = {
    "usable": Word("usable", "green", "●"),
    "used_up": Word("used up", "bright_black", "○"),
    "expired": Word("expired", "red", "◇"),
    "revoked": Word("revoked", "bright_black", "⊘"),
    "owner_disabled": Word("disabled", "bright_black", "⊘"),
}


class AuthKeyMade(AuthKeyOut):
    """A new auth key: with the key itself, and the line that a machine joins with."""

    key = serializers.CharField()
    join_command = serializers.CharField()


class UserTokenOut(ApiTokenOut):
    """An API key with whom it acts as: the command line sees those of all people."""

    user = serializers.IntegerField()
    user_login = serializers.CharField()
    state = serializers.CharField()


class UserTokenMade(UserTokenOut):
    """A new API key, with the token itself."""

    token = serializers.CharField()


auth_key_shape: Final = shaped_by(AuthKeyOut)
api_token_shape: Final = shaped_by(UserTokenOut)


def auth_key_values(keys: list[AuthKey], now: datetime) -> list[dict[str, Any]]:
    """Auth keys (with owner and network) as the API describes them."""
    return [describe_auth_key(key, now) for key in keys]


def auth_key_columns(now: datetime) -> list[Column]:
    """The columns of ``authkey list``."""
    return [
        Column("Id", lambda value: str(value["id"]), keep=True, right=True),
        Column("Key", lambda value: f"{value['hint']}…", keep=True),
        Column("Name", lambda value: value["name"] or "-"),
        Column("State", lambda value: STATES[value["state"]], keep=True),
        Column("For", lambda value: listed(value["tags"], most=3) if value["tags"] else value["user_login"] or "-"),
        Column("Uses", _uses, keep=True, right=True),
        Column("Ephemeral", lambda value: "yes" if value["ephemeral"] else "no", wide=True),
        Column("Created", lambda value: relative(value["created_at"], now), wide=True, keep=True),
        Column("Ends", lambda value: _end(value, now), keep=True),
    ]


def _uses(value: Value) -> str:
    return f"{value['uses']}/{'∞' if value['max_uses'] is None else value['max_uses']}"


def api_token_value(token: ApiToken, now: datetime) -> dict[str, Any]:
    """An API token (with its user) as ``UserTokenOut`` takes it."""
    names = ("name", "hint", "scopes", "expires_at", "revoked_at", "created_at", "last_used_at", "seen_from")
    return {name: getattr(token, name) for name in names} | {
        "id": token.pk,
        "user": token.user_id,
        "user_login": token.user.username,
        "state": _token_state(token, now),
    }


def _token_state(token: ApiToken, now: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    if token.expires_at is not None and token.expires_at <= now:
        return "expired"
    return "usable" if token.user.is_active else "owner_disabled"


def api_token_columns(now: datetime) -> list[Column]:
    """The columns of ``apikey list``."""
    return [
        Column("Id", lambda value: str(value["id"]), keep=True, right=True),
        Column("Key", lambda value: f"{value['hint']}…", keep=True),
        Column("Name", lambda value: value["name"]),
        Column("State", lambda value: STATES[value["state"]], keep=True),
        Column("User", lambda value: value["user_login"]),
        Column("Used", lambda value: relative(value["last_used_at"], now) if value["last_used_at"] else "never"),
        Column("Created", lambda value: relative(value["created_at"], now), wide=True, keep=True),
        Column("Ends", lambda value: _end(value, now), keep=True),
    ]


def _end(value: Value, now: datetime) -> str:
    return "never" if value["expires_at"] is None else relative(value["expires_at"], now)
