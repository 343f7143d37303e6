"""``manage.py key``: public keys that are refused until they are released."""

from __future__ import annotations

from typing import Annotated

import typer
from django.utils import timezone

from coordinator.admin_api.serializers.retired_keys import RetiredKeyOut
from coordinator.cli.command import NounCommand
from coordinator.cli.noun import Noun
from coordinator.cli.options import NetworkOption, act
from coordinator.cli.references import retired_key_named
from coordinator.cli.results import Column, Done, Listing, shaped_by
from coordinator.cli.times import relative
from coordinator.lifecycle import release_key
from nodes.models import RetiredKey
from nodes.selectors import get_network

noun = Noun("key", "Retired keys: public keys of deleted nodes, refused until they are released.")


@noun.verb("list", "ls")
def list_keys(network: NetworkOption = None) -> Listing:
    """List the retired keys, the newest first."""
    now = timezone.now()
    columns = [
        Column("Id", lambda key: str(key.pk), keep=True, right=True),
        Column("Public key", lambda key: key.public_key, keep=True),
        Column("Was", lambda key: key.node_name_was),
        Column("Why", lambda key: key.reason, keep=True),
        Column("When", lambda key: relative(key.created_at, now), keep=True),
    ]
    rows = RetiredKey.objects.filter(network=get_network(network))
    return Listing(list(rows), columns, "No key is retired.", shape=shaped_by(RetiredKeyOut))


@noun.verb("release")
def release(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id, the key itself, or the name its node had.")],
    network: NetworkOption = None,
) -> Done:
    """Let a machine register with its retired key again."""
    found = retired_key_named(get_network(network), key)
    released = {"id": found.pk, "public_key": found.public_key, "released": True}
    release_key(retired_key_id=found.pk, **act())
    return Done(f"The key of {found.node_name_was} may register again.", released)


class Command(NounCommand):
    """The management command."""

    noun = noun
