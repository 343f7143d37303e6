"""``manage.py apikey``: people's tokens for the administration API."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer
from django.utils import timezone

from coordinator.cli.command import NounCommand
from coordinator.cli.credentials import UserTokenMade, api_token_columns, api_token_shape, api_token_value
from coordinator.cli.noun import Noun
from coordinator.cli.options import AllOption, ExpiryOption, ForceOption, ending
from coordinator.cli.references import api_token_named, user_named
from coordinator.cli.results import Done, Listing, Secret, shaped_by
from coordinator.cli.terminal import confirm
from coordinator.cli.times import both
from mesh.change import Cause
from sessions_app.models import ApiToken
from sessions_app.services.api_tokens import create_api_token, revoke_api_token

noun = Noun("apikey", "API keys: a program acts as a person, with the rights of that person's role.")


@noun.verb("list", "ls")
def list_keys(
    user: Annotated[str | None, typer.Option("--user", "-u", metavar="USER", help="Only this person's.")] = None,
    every: AllOption = False,
) -> Listing:
    """List the API keys in use."""
    now = timezone.now()
    rows = ApiToken.objects.select_related("user")
    if user is not None:
        rows = rows.filter(user=user_named(user))
    values = [api_token_value(row, now) for row in rows]
    if not every:
        values = [value for value in values if value["state"] == "usable"]
    empty = "There are no API keys." if every else "No API key is usable. --all lists those that have ended."
    return Listing(values, api_token_columns(now), empty, shape=api_token_shape)


@noun.verb("create", "c", "new")
def create(
    user: Annotated[str, typer.Option("--user", "-u", metavar="USER", help="Whom it acts as: a login or an id.")],
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="What it is for.")] = "command line",
    expires: ExpiryOption = "90d",
) -> Secret:
    """Make an API key and print it, this once."""
    now = timezone.now()
    created = create_api_token(
        user_id=user_named(user).pk,
        name=name,
        expires_at=ending(expires, now),
        now=now,
        random32=secrets.token_bytes(32),
    )
    token = ApiToken.objects.select_related("user").get(pk=created.api_token.pk)
    value = api_token_value(token, now) | {"token": created.secret}
    ends = "never" if token.expires_at is None else both(token.expires_at, now)
    fields = [("Key", created.secret), ("Acts as", f"{token.user.username} ({token.user.role})"), ("Ends", ends)]
    text = f"API key {token.pk}. It is shown this once."
    return Secret(value, text, fields, shape=shaped_by(UserTokenMade))


@noun.verb("revoke", "rm", "delete", "expire")
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id, its name, or how it begins.")],
    force: ForceOption = False,
) -> Done:
    """End an API key."""
    found = api_token_named(key)
    if found.revoked_at is None:
        lines = [f"Programs that act as {found.user.username} with it are refused at once."]
        confirm(f"Revoke API key {found.pk} ({found.name})?", losses=lines, force=force)
    now = timezone.now()
    after = revoke_api_token(api_token_id=found.pk, cause=Cause.command(), now=now)
    return Done(f"API key {found.pk} is revoked.", api_token_value(after, now), shape=api_token_shape)


class Command(NounCommand):
    """The management command."""

    noun = noun
