"""``manage.py key``: public keys that are refused until they are released."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from django.utils import timezone

from coordinator.cli.command import NounCommand
from coordinator.cli.noun import Noun
from coordinator.cli.options import NetworkOption
from coordinator.cli.references import retired_key_named
from coordinator.cli.results import Column, Done, Listing
from coordinator.cli.times import relative
from coordinator.lifecycle import release_key
from nodes.models import RetiredKey
from nodes.selectors import get_network

noun = Noun("key", "Retired keys: public keys of deleted nodes, refused until they are released.")


def _value(key: RetiredKey) -> dict[str, Any]:
    return {
        "id": key.pk,
        "public_key": key.public_key,
        "node_id": key.node_id_was,
        "node": key.node_name_was,
        "reason": key.reason,
        "created_at": key.created_at,
    }


@noun.verb("list", "ls")
def list_keys(network: NetworkOption = None) -> Listing:
    """List the retired keys, the newest first."""
    now = timezone.now()
    columns = [
        Column("Id", lambda value: str(value["id"]), keep=True, right=True),
        Column("Public key", lambda value: value["public_key"], keep=True),
        Column("Was", lambda value: value["node"]),
        Column("Why", lambda value: value["reason"], keep=True),
        Column("When", lambda value: relative(value["created_at"], now), keep=True),
    ]
    rows = RetiredKey.objects.filter(network=get_network(network))
    return Listing([_value(row) for row in rows], columns, "No key is retired.")


@noun.verb("release")
def release(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id, the key itself, or the name its node had.")],
    network: NetworkOption = None,
) -> Done:
    """Let a machine register with its retired key again."""
    found = retired_key_named(get_network(network), key)
    value = _value(found)
    release_key(retired_key_id=found.pk)
    return Done(f"The key of {value['node']} may register again.", value | {"released": True})


class Command(NounCommand):
    """The management command."""

    noun = noun
