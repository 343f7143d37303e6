"""``manage.py authkey``: the ways in for machines.

It stands on the top floor because its answer spells the line that installs an agent.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from django.conf import settings
from django.utils import timezone

from coordinator.cli.command import NounCommand
from coordinator.cli.credentials import STATES, AuthKeyMade, auth_key_columns, auth_key_shape, auth_key_values
from coordinator.cli.errors import WrongUsageError
from coordinator.cli.noun import Noun
from coordinator.cli.options import AllOption, ExpiryOption, ForceOption, NetworkOption, ending
from coordinator.cli.references import auth_key_named, user_named
from coordinator.cli.results import Done, Listing, Secret, shaped_by
from coordinator.cli.terminal import confirm
from coordinator.cli.text import count, listed
from coordinator.cli.times import both
from mesh.change import Cause
from nodes.selectors import get_network
from portal.enrolment import join_command
from sessions_app.models import AuthKey
from sessions_app.services.auth_keys import create_auth_key, revoke_auth_key

noun = Noun("authkey", "Auth keys: they let machines in.")


@noun.verb("list", "ls")
def list_keys(every: AllOption = False, network: NetworkOption = None) -> Listing:
    """List the auth keys that let a machine in."""
    now = timezone.now()
    rows = AuthKey.objects.filter(network=get_network(network)).select_related("network", "owner")
    values = auth_key_values(list(rows), now)
    if not every:
        values = [value for value in values if value["state"] == "usable"]
    empty = "There are no auth keys." if every else "No auth key is usable. --all lists those that have ended."
    return Listing(values, auth_key_columns(now), empty, shape=auth_key_shape)


@noun.verb("create", "c", "new")
def create(
    *,
    user: Annotated[
        str | None, typer.Option("--user", "-u", metavar="USER", help="Whose the machines are: a login or an id.")
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", "--tags", "-t", metavar="TAG", help="A tag of the machines. Repeatable."),
    ] = None,
    reusable: Annotated[bool, typer.Option("--reusable", help="For any number of machines, not just one.")] = False,
    max_uses: Annotated[
        int | None, typer.Option("--max-uses", min=1, metavar="NUMBER", help="With --reusable: for at most so many.")
    ] = None,
    ephemeral: Annotated[
        bool, typer.Option("--ephemeral", help="Its machines are removed after half an hour offline.")
    ] = False,
    pre_approved: Annotated[
        bool, typer.Option("--pre-approved", help="Its machines need no approval where others wait for one.")
    ] = False,
    expires: ExpiryOption = "24h",
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="What it is for.")] = "",
    network: NetworkOption = None,
) -> Secret:
    """Make an auth key and print it, this once, with the line that a machine joins with."""
    if user is None and not tags:
        raise WrongUsageError("Say whose the machines are: --user LOGIN or --tag TAG.")
    if max_uses is not None and max_uses > 1 and not reusable:
        raise typer.BadParameter("A key that is not --reusable works once.", param_hint="'--max-uses'")
    now = timezone.now()
    created = create_auth_key(
        network_id=get_network(network).pk,
        owner_id=None if user is None else user_named(user).pk,
        tags=[tag if tag.lower().startswith("tag:") else f"tag:{tag}" for tag in tags or ()],
        reusable=reusable,
        max_uses=max_uses,
        ephemeral=ephemeral,
        pre_approved=pre_approved,
        expires_at=ending(expires, now),
        name=name,
        now=now,
        random32=secrets.token_bytes(32),
        cause=Cause.command(),
    )
    key = AuthKey.objects.select_related("network", "owner").get(pk=created.auth_key.pk)
    [value] = auth_key_values([key], now)
    command = str(join_command(settings.GHOSTWIRE.public_urls[0], created.secret))
    value |= {"key": created.secret, "join_command": command}
    ends = "never" if key.expires_at is None else both(key.expires_at, now)
    fields = [("Key", created.secret), ("Works", _works(value)), ("Ends", ends)]
    text = f"Auth key {key.pk}. It is shown this once."
    return Secret(value, text, fields, ["On the machine, as root:", command], shape=shaped_by(AuthKeyMade))


def _works(value: Mapping[str, Any]) -> str:
    uses = value["max_uses"]
    often = "for any number of machines" if uses is None else f"for {count(uses, 'machine')}"
    whose = listed(value["tags"], most=20) if value["tags"] else value["user_login"]
    approval = ", without approval" if value["pre_approved"] else ""
    return f"{often} of {whose}{', removed after half an hour offline' if value['ephemeral'] else ''}{approval}"


@noun.verb("revoke", "rm", "delete", "expire")
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id, its name, or how it begins.")],
    network: NetworkOption = None,
    force: ForceOption = False,
) -> Done:
    """End an auth key. Machines that it let in stay."""
    now = timezone.now()
    found = auth_key_named(get_network(network), key)
    label = f"Auth key {found.pk}" + (f" ({found.name})" if found.name else "")
    if found.revoked_at is None:
        [value] = auth_key_values([found], now)
        state = STATES[value["state"]].text
        lines = [f"It is {state} and was used {found.uses} times. Machines that it let in stay; no other gets in."]
        confirm(f"Revoke {label[0].lower()}{label[1:]}?", losses=lines, force=force)
    after = revoke_auth_key(auth_key_id=found.pk, cause=Cause.command(), now=now)
    [value] = auth_key_values([after], now)
    return Done(f"{label} is revoked.", value, shape=auth_key_shape)


class Command(NounCommand):
    """The management command."""

    noun = noun
